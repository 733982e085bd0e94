"""The paths that files get on the site, and the rewriting of links to them."""

import os
from pathlib import Path

import pytest

from tests.documents.pages import PAGES
from tests.harness.paths import DEPLOY, DOCS, ROOT
from tools.site_hook import outside_docs, resolved, rewritten, site_uri, source_page


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("docs/runbook.md", "runbook.md"),
        ("docs/design/README.md", "design/README.md"),
        ("README.md", "index.md"),
        ("CONTRIBUTING.md", "contributing.md"),
        ("deploy/alerts.yml", "files/deploy/alerts.yml.md"),
        ("deploy/grafana", "files/deploy/grafana/index.md"),
        (".env.example", "files/env.example.md"),
        ("routes.example/identity.binpb", "files/routes.example/identity.binpb"),
    ],
)
def test_each_kind_of_file_has_its_path_on_the_site(path: str, place: str) -> None:
    assert site_uri(ROOT / path) == place


@pytest.mark.parametrize(
    ("source", "link", "rewrite"),
    [
        ("docs/runbook.md", "[a](../deploy/alerts.yml)", "[a](files/deploy/alerts.yml.md)"),
        ("docs/runbook.md", "[a](../README.md#two-commands)", "[a](index.md#two-commands)"),
        ("docs/design/claims.md", "[a](../fleet.md#claims)", "[a](../fleet.md#claims)"),
        ("docs/design/claims.md", "[a](../../SECURITY.md)", "[a](../security.md)"),
        ("README.md", "[a](docs/runbook.md)", "[a](runbook.md)"),
        (
            "README.md",
            "[![a](docs/performance/connect.svg)](docs/performance.md)",
            "[![a](performance/connect.svg)](performance.md)",
        ),
        ("README.md", '<img src="docs/performance/connect.svg">', '<img src="performance/connect.svg">'),
        ("README.md", "[a](#two-commands)", "[a](#two-commands)"),
        ("README.md", "[a](https://example.org/docs/runbook.md)", "[a](https://example.org/docs/runbook.md)"),
        ("README.md", "[a](docs/nowhere.md)", "[a](docs/nowhere.md)"),
        ("README.md", "[a](../../etc/passwd)", "[a](../../etc/passwd)"),
        ("README.md", "```\n[a](docs/runbook.md)\n```\n", "```\n[a](docs/runbook.md)\n```\n"),
    ],
)
def test_links_to_files_are_rewritten_outside_of_fenced_blocks(source: str, link: str, rewrite: str) -> None:
    assert rewritten(link, ROOT / source) == rewrite


def test_a_page_shows_a_whole_file_even_if_it_contains_fences() -> None:
    page = source_page("deploy/x.yml", "a: 1\n```\n")

    assert page.endswith("# deploy/x.yml\n\n``````yaml\na: 1\n```\n``````\n")


def test_the_files_of_a_linked_folder_are_added_too() -> None:
    added = set(outside_docs(PAGES))

    assert {DEPLOY / "grafana", DEPLOY / "grafana" / "kustomization.yaml", ROOT / "CHANGELOG.md"} <= added
    assert not any(path.is_relative_to(DOCS) for path in added)


def test_a_target_outside_the_repository_is_not_added(tmp_path: Path) -> None:
    outside = os.path.relpath(tmp_path, DOCS)

    assert resolved(outside, ROOT / "docs" / "runbook.md") is None
    assert (DOCS / outside).exists()
