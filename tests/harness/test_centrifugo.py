"""The cause of a failed build of Centrifugo: the mirror, the machine, or the repository."""

import pytest

from tests.harness.centrifugo import excuse

MODULE = "github.com/centrifugal/centrifugo/v5"


@pytest.mark.parametrize(
    "logged",
    [
        f"{MODULE}@v5.4.9: reading https://mirror.test/{MODULE}/@v/v5.4.9.zip: 403 Forbidden",
        f"{MODULE}@v5.4.9: reading https://mirror.test/{MODULE}/@v/v5.4.9.zip: 502 Bad Gateway",
        f'{MODULE}@v5.4.9: Get "https://mirror.test/{MODULE}/@v/v5.4.9.zip": dial tcp 10.0.0.1:443: i/o timeout',
        f"reading {MODULE}/go.mod at revision v5.4.9: git ls-remote -q https://{MODULE}: exit status 128:",
    ],
)
def test_a_failed_download_is_reported_as_a_fault_of_the_mirror(logged: str) -> None:
    reason = excuse(f"go: downloading {MODULE} v5.4.9\n{logged}\n")

    assert reason == "The module mirror did not deliver the sources of Centrifugo."


@pytest.mark.parametrize(
    "logged",
    [
        "/bin/sh: 1: go: not found",
        "bash: line 1: go: command not found",
        "go: go.mod requires go >= 1.26 (running go 1.24.4; GOTOOLCHAIN=local)",
        "go: errors parsing go.mod:\n/tmp/go.mod:3: invalid go version '1.24.0': must match format 1.23",
        "go: errors parsing go.mod:\n/tmp/go.mod:5: unknown directive: tool",
    ],
)
def test_a_missing_or_old_go_is_reported_as_a_fault_of_the_machine(logged: str) -> None:
    assert excuse(logged).startswith("Go is missing or too old to build Centrifugo")


@pytest.mark.parametrize(
    "logged",
    [
        f"verifying {MODULE}@v5.4.9: checksum mismatch",
        f"missing go.sum entry for module providing package {MODULE}",
        "main.go:12:2: undefined: config",
    ],
)
def test_any_other_failure_has_no_excuse(logged: str) -> None:
    assert excuse(logged) == ""
