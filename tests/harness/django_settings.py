"""Sets up Django with tests/settings.py, and has the fixture `settings`. A pytest plugin, loaded by tests/conftest.py.

It has no autouse fixtures, unlike pytest-django: for thousands of tests they take seconds of CPU.
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
    """Sets Django's settings by assignment. They have their former values again after the test."""

    def __init__(self, changes: ExitStack) -> None:
        self.__dict__["_changes"] = changes

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__["_changes"].enter_context(override_settings(**{name: value}))


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Django's settings, to change for one test."""
    with ExitStack() as changes:
        yield Settings(changes)
