"""The version comes from the changelog."""

import pytest

from common.version import CHANGELOG, VERSION, read_version


def test_the_version_is_the_newest_released_heading() -> None:
    changelog = "# Changelog\n\n## [Unreleased]\n\n## [2.0.1] - 2031-01-01\n\n## [2.0.0] - 2030-01-01\n"

    assert read_version(changelog) == "2.0.1"


@pytest.mark.parametrize("changelog", ["", "## [Unreleased]", "## 1.0.0", "text ## [1.0.0]", "### [1.0.0]"])
def test_a_changelog_without_a_release_is_refused(changelog: str) -> None:
    with pytest.raises(ValueError, match=r"CHANGELOG.md has no heading such as ## \[1.0.0\]"):
        read_version(changelog)


def test_the_running_version_is_that_of_the_changelog_beside_the_packages() -> None:
    assert f"## [{VERSION}]" in CHANGELOG.read_text()
