"""The environment of the processes that a measurement starts."""

import pytest

from bench.parts.processes import without_ours
from realtime_site.settings import env


def test_no_setting_of_the_shell_reaches_a_measured_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in env.defaults:
        monkeypatch.setenv(name, "1")

    assert env.defaults.keys() & without_ours().keys() == set()
