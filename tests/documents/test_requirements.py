"""requirements/*.txt pin the packages that every supported version of Python needs.

The version that generates the files needs fewer packages than some other versions.
"""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from tests.harness.paths import ROOT

FILES = sorted((ROOT / "requirements").glob("*.txt"))
INSTALLED = {canonicalize_name(package.metadata["Name"]): package for package in metadata.distributions()}


def pins(file: Path) -> set[NormalizedName]:
    return {canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)==", file.read_text(), re.MULTILINE)}


def requirements(names: set[NormalizedName]) -> Iterator[Requirement]:
    """The requirements of those packages that are installed here."""
    for name in names & INSTALLED.keys():
        yield from map(Requirement, INSTALLED[name].requires or ())


def pythons_of(package: metadata.Distribution) -> SpecifierSet:
    return SpecifierSet(next(iter(package.metadata.get_all("Requires-Python", [])), ""))


def needed(requirement: Requirement, version: str) -> bool:
    """True if a Python of this version needs the requirement, without any extra."""
    python = {"python_version": ".".join(version.split(".")[:2]), "python_full_version": version, "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(python)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("version", ["3.11.0", "3.11.2", "3.12.0", "3.13.0", "3.14.0"])
def test_every_requirement_of_a_pinned_package_is_pinned_in_the_same_file(version: str, file: Path) -> None:
    pinned = pins(file)

    names = {
        canonicalize_name(requirement.name) for requirement in requirements(pinned) if needed(requirement, version)
    }

    assert names
    assert names - pinned == set()


def test_every_pinned_package_supports_the_oldest_python() -> None:
    installed = set().union(*map(pins, FILES)) & INSTALLED.keys()

    unsupported = {name for name in installed if "3.11.0" not in pythons_of(INSTALLED[name])}

    assert len(installed) > 40
    assert unsupported == set()
