"""Centrifugo for the bridge's end-to-end tests."""

from pathlib import Path

import pytest

from tests.harness import centrifugo


@pytest.fixture(scope="session")
def centrifugo_v6() -> Path:
    """The newest major; skipped where it cannot be built."""
    found = centrifugo.binary(6)
    if found is None:
        pytest.skip(centrifugo.excuse(centrifugo.BUILD_LOG.read_text()) or "`make centrifugos` builds it with Go")
    return found
