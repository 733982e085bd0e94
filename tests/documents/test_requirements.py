"""requirements/*.txt have what every supported Python needs, and not only what the Python that made them needs."""

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.harness.paths import ROOT

PINS = {
    canonicalize_name(name)
    for file in (ROOT / "requirements").glob("*.txt")
    for name in re.findall(r"^([A-Za-z0-9_.-]+)==", file.read_text(), re.MULTILINE)
}
REQUIREMENTS = [
    Requirement(text)
    for package in metadata.distributions()
    if canonicalize_name(package.metadata["Name"]) in PINS
    for text in package.requires or ()
]


def needed(requirement: Requirement, version: str) -> bool:
    """True if a Python of this version needs the requirement, without any extra."""
    python = {"python_version": ".".join(version.split(".")[:2]), "python_full_version": version, "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(python)


@pytest.mark.parametrize("version", ["3.11.0", "3.11.2", "3.12.0", "3.13.0", "3.14.0"])
def test_every_requirement_of_a_pinned_package_is_pinned(version: str) -> None:
    names = {canonicalize_name(requirement.name) for requirement in REQUIREMENTS if needed(requirement, version)}

    assert len(names) > 40
    assert names - PINS == set()


def test_every_pinned_package_supports_the_oldest_python() -> None:
    supported = {
        canonicalize_name(package.metadata["Name"]): package.metadata["Requires-Python"] or ""
        for package in metadata.distributions()
    }

    refused = {name for name in PINS & supported.keys() if "3.11.0" not in SpecifierSet(supported[name])}

    assert len(PINS & supported.keys()) > 40
    assert refused == set()
