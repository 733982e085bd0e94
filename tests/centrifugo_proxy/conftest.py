"""Fixtures of the proxy's tests."""

import pytest

from tests.harness.certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that several tests share. A new certificate for a name replaces the earlier one."""
    return Authority.in_folder(tmp_path_factory.mktemp("authority"))
