"""Compares the documentation with the code."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from centrifugo_proxy.web.urls import urlpatterns
from realtime_site.settings import env
from tests.documents.pages import PAGES, table_rows
from tests.documents.test_alerts import rules
from tests.harness.paths import ROOT
from tests.harness.service import service

REFERENCE = (ROOT / "docs" / "reference.md").read_text()
MAX_PICTURE_BYTES = 200_000
DECISIONS = [page for page in sorted((ROOT / "docs" / "design").glob("*.md")) if page.name != "README.md"]


def code(cell: str) -> str:
    """The first text in backticks; "" if the cell is the word empty."""
    return "" if cell == "empty" else cell.split("`")[1]


def example_variables() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_reference_names_every_setting_with_its_default() -> None:
    table = {code(name): code(default) for name, default, *_ in table_rows(REFERENCE, "Settings")}

    assert table == env.defaults


def test_the_reference_describes_each_setting_once_in_the_order_of_the_code() -> None:
    names = [code(name) for name, *_ in table_rows(REFERENCE, "Settings")]

    assert names == list(env.defaults)


def test_the_example_environment_sets_every_variable_to_its_default() -> None:
    of_the_mode = {"CENTRIFUGO_UNAVAILABLE_CODE": ""}  # the default depends on the mode, so the service chooses it

    assert example_variables() == {**env.defaults, **of_the_mode}


def test_every_block_of_the_example_environment_begins_with_a_comment() -> None:
    blocks = (ROOT / ".env.example").read_text().split("\n\n")

    assert [block for block in blocks if not block.startswith("#")] == []


def test_in_the_example_environment_each_variable_of_the_bridge_has_its_own_comment() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()

    above = {line: before for before, line in pairwise(lines) if line.startswith(("BRIDGE_", "CENTRIFUGO_API_"))}

    assert [name for name, before in above.items() if not before.startswith("# ")] == []


def test_the_values_of_the_example_environment_need_no_quotes() -> None:
    plain = re.compile(r"[A-Za-z0-9_.,:/*+-]*")

    assert [name for name, value in example_variables().items() if not plain.fullmatch(value)] == []


async def test_the_reference_names_every_metric_with_its_type_and_labels() -> None:
    policy = str(ROOT / "policy.example.toml")
    async with service(CHANNEL_POLICY_PATH=policy, RPC_BACKENDS={"diary": "127.0.0.1:1"}) as running:
        exported = (await running.http.get("/metrics")).text

    table = {code(name): kind for name, kind, *_ in table_rows(REFERENCE, "Metrics")}
    assert table == dict(described(exported))


def described(exported: str) -> Iterator[tuple[str, str]]:
    """The service's own metrics as docs/reference.md writes them: name{label,label} and type."""
    for family in text_string_to_metric_families(exported):
        if not family.name.startswith("realtime_"):
            continue
        labels = [label for label in family.samples[0].labels if label != "le"]
        name = family.name + ("_total" if family.type == "counter" else "")
        yield name + (f"{{{','.join(labels)}}}" if labels else ""), family.type


def test_the_reference_names_every_alert_with_its_severity() -> None:
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in rules()}

    table = {code(name): severity for name, severity, *_ in table_rows(REFERENCE, "Alerts")}

    assert table == severities


def test_the_reference_names_every_endpoint() -> None:
    paths = {f"/{pattern.pattern}" for pattern in urlpatterns if pattern.name != "not-found"}

    named = {path for name, *_ in table_rows(REFERENCE, "Endpoints") for path in re.findall(r"`(/[^`]+)`", name)}

    assert named == paths


def test_the_reference_names_every_command() -> None:
    modules = [path for path in ROOT.glob("*/management/commands/*.py") if path.stem != "__init__"]

    named = [code(name) for name, *_ in table_rows(REFERENCE, "Commands")]

    assert sorted(named) == sorted(path.stem for path in modules)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_a_target(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text())

    assert [target for target in targets if not leads_somewhere(page, target)] == []


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    if path.startswith(("https://", "http://")):
        return True  # links to other hosts are not checked
    file = (page.parent / path).resolve() if path else page
    return file.exists() and (not anchor or anchor in anchors(file))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0].isalpha())

    named = set(re.findall(rf"`((?:{folders})/[\w/.-]+)`", page.read_text()))

    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_every_name_that_a_page_quotes_from_a_module_occurs_in_that_module() -> None:
    """A path on a page begins at the root or, on the page about the architecture, in centrifugo_proxy/."""
    named = {found for page in PAGES for found in re.findall(r"`(\w+)` of `([\w/]+\.py)`", page.read_text())}
    modules = {path: next(filter(Path.exists, (ROOT / path, ROOT / "centrifugo_proxy" / path))) for _, path in named}

    assert named
    assert [each for each in sorted(named) if not re.search(rf"\b{each[0]}\b", modules[each[1]].read_text())] == []


def test_every_picture_exists_and_is_small() -> None:
    pictures = {
        (page.parent / path).resolve()
        for page in PAGES
        for path in re.findall(r'(?:\bsrc(?:set)?="|!\[[^\]]*\]\()([^":)]+)[")]', page.read_text())
    }

    assert pictures != set()
    assert [picture for picture in pictures if not 0 < picture.stat().st_size < MAX_PICTURE_BYTES] == []


def test_every_design_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "design"
    index = re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text())

    assert sorted(index) == sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_every_design_decision_has_a_date_and_a_status(page: Path) -> None:
    before, line, after = page.read_text().splitlines()[1:4]

    assert (before, after) == ("", "")
    assert re.fullmatch(r"Date: \d{4}-\d\d-\d\d\. Status: (accepted|in use|replaced by .+)\.", line)


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
        if target.partition("#")[0] != page.name
    }

    assert [page.name for page in PAGES if page.resolve() not in linked] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_the_changelog_begins_with_the_unreleased_changes() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] == "Unreleased"


def test_the_image_contains_exactly_the_packages_that_the_service_imports() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = {name for line in re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE) for name in line.split()}
    allowed = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))

    packages = imported_from("realtime_site")
    assert copied == allowed == {"requirements/base.txt", "CHANGELOG.md", "manage.py", *packages}


def imported_from(package: str) -> set[str]:
    """This package, and all packages of the repository that it imports directly or indirectly."""
    found, waiting = set(), {package}
    while waiting:
        found.add(name := waiting.pop())
        text = "\n".join(path.read_text() for path in (ROOT / name).rglob("*.py"))
        imported = re.findall(r"^ *(?:from|import) (\w+)", text, re.MULTILINE)
        waiting |= {each for each in imported if (ROOT / each).is_dir()} - found
    return found
