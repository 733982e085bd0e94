"""Sets up Django with tests/settings.py, and provides the fixture `settings`.

A pytest plugin, loaded by tests/conftest.py. Unlike pytest-django it has no autouse fixtures, which take seconds
of CPU in a run of thousands of tests.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import django
import pytest
from django.test import override_settings

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"


def pytest_configure() -> None:
    django.setup()


class Settings:
    """Changes Django's settings by assignment. After the test they get their former values back."""

    def __init__(self, changes: ExitStack) -> None:
        self.__dict__["_changes"] = changes

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__["_changes"].enter_context(override_settings(**{name: value}))


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Django's settings, to change for one test."""
    with ExitStack() as changes:
        yield Settings(changes)
