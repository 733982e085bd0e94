"""Keeps Django's ORM and forms out of the serving process, which does not use them.

`django.http` and `django.urls` import both, for a few names in serializers and class-based views.
docs/design/left-out-modules.md explains what this saves and what it costs.
"""

import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Final

# The names that Django 5.2 imports from each module while the service starts. No class is derived from them.
LEFT_OUT: Final[Mapping[str, Sequence[str]]] = {
    "django.db.models": ("CompositePrimaryKey", "QuerySet"),
    "django.forms": ("Form", "models"),
}


class LeftOut(ModuleType):
    """Stands in for a module. It has only the given names. Each name is an empty class."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        super().__init__(name)
        for each in names:
            setattr(self, each, type(each, (), {}))

    def __getattr__(self, name: str) -> object:
        raise AttributeError(
            f"{self.__name__}.{name} is not available: manage.py serve does not load {self.__name__}. If the service "
            "needs it, remove the module from LEFT_OUT in realtime_site/left_out.py."
        )


def leave_out(modules: Mapping[str, Sequence[str]] = LEFT_OUT) -> None:
    """Replace each of these modules by a LeftOut, if the module is not imported yet."""
    for name, names in modules.items():
        sys.modules.setdefault(name, LeftOut(name, names))
