"""A build of Centrifugo that fails: the module mirror's fault, or ours?"""

import pytest

from tests.harness.centrifugo import refused_by_mirror

MODULE = "github.com/centrifugal/centrifugo/v5"


@pytest.mark.parametrize(
    "said",
    [
        f"{MODULE}@v5.4.9: reading https://mirror.test/{MODULE}/@v/v5.4.9.zip: 403 Forbidden",
        f"{MODULE}@v5.4.9: reading https://mirror.test/{MODULE}/@v/v5.4.9.zip: 502 Bad Gateway",
        f'{MODULE}@v5.4.9: Get "https://mirror.test/{MODULE}/@v/v5.4.9.zip": dial tcp 10.0.0.1:443: i/o timeout',
        f"reading {MODULE}/go.mod at revision v5.4.9: git ls-remote -q https://{MODULE}: exit status 128:",
    ],
)
def test_a_refused_download_is_the_mirrors_fault(said: str) -> None:
    assert refused_by_mirror(f"go: downloading {MODULE} v5.4.9\n{said}\n")


@pytest.mark.parametrize(
    "said",
    [
        "/bin/sh: 1: go: not found",
        "go: go.mod requires go >= 1.24.0 (running go 1.22.1; GOTOOLCHAIN=local)",
        f"verifying {MODULE}@v5.4.9: checksum mismatch",
        f"missing go.sum entry for module providing package {MODULE}",
        "main.go:12:2: undefined: config",
    ],
)
def test_another_failure_is_ours(said: str) -> None:
    assert not refused_by_mirror(said)
