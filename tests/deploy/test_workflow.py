"""The GitHub workflow, checked by actionlint and by rules of this project. The workflow does not run here."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.version import VERSION
from tests.harness.deploy_tools import Tool, run
from tests.harness.paths import ROOT

GITHUB = ROOT / ".github"
FILE = GITHUB / "workflows" / "ci.yml"
READ = {"contents": "read"}


def workflow() -> Any:
    return yaml.safe_load(FILE.read_text())


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = workflow()["jobs"]
    return found


def steps(action: str = "") -> Iterator[Any]:
    """Every step, or those that use this action."""
    for job in jobs().values():
        yield from (step for step in job["steps"] if step.get("uses", "").startswith(action))


def release_step(action: str) -> Any:
    [found] = [step for step in jobs()["release"]["steps"] if step.get("uses", "").startswith(action)]
    return found


@pytest.mark.processes
def test_actionlint_finds_nothing_in_the_workflow(deploy_tool: Tool) -> None:
    ended = run(deploy_tool("actionlint"), "-shellcheck=", "-pyflakes=", str(FILE))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.processes
@pytest.mark.parametrize(
    ("original", "replacement", "message"),
    [
        ("steps.build.outputs.digest", "steps.built.outputs.digest", 'property "built" is not defined'),
        ("    needs: test", "    needs: tests", 'needs job "tests" which does not exist'),
        ("packages: write", "package: write", 'unknown permission scope "package"'),
    ],
    ids=["a step", "a job", "a permission"],
)
def test_actionlint_reports_references_to_unknown_names(
    original: str, replacement: str, message: str, deploy_tool: Tool, tmp_path: Path
) -> None:
    assert original in FILE.read_text()
    (tmp_path / "ci.yml").write_text(FILE.read_text().replace(original, replacement))

    ended = run(deploy_tool("actionlint"), "-shellcheck=", "-pyflakes=", str(tmp_path / "ci.yml"))

    assert ended.returncode == 1
    assert message in ended.stdout


def test_every_action_is_pinned_by_a_commit_and_names_its_release() -> None:
    used = re.findall(r"uses: (.+)$", FILE.read_text(), re.MULTILINE)
    pinned = [re.fullmatch(r"([\w-]+/[\w-]+)@([0-9a-f]{40})  # (v\d+\.\d+\.\d+)", each) for each in used]

    assert None not in pinned
    actions = {match.group(1) for match in pinned if match}
    assert len({match.groups() for match in pinned if match}) == len(actions)  # the same release everywhere


def test_only_the_release_job_has_permissions_to_write() -> None:
    assert workflow()["permissions"] == {}
    assert {name: job["permissions"] for name, job in jobs().items()} == {
        "test": READ,
        "build": READ,
        "release": {**READ, "packages": "write", "id-token": "write"},
    }


def test_a_pull_request_from_a_fork_gets_no_secret() -> None:
    triggers = workflow()[True]  # YAML 1.1 reads the key `on` as true

    assert set(triggers) == {"pull_request", "push"}
    assert "secrets." not in FILE.read_text()
    assert all(step["with"]["persist-credentials"] is False for step in steps("actions/checkout"))


def test_no_script_contains_an_expression_that_github_expands() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]

    assert len(scripts) >= 5
    assert [script for script in scripts if "${{" in script] == []


def test_nothing_is_built_before_the_tests_pass_and_every_job_has_a_time_limit() -> None:
    assert [step["run"] for step in jobs()["test"]["steps"] if "run" in step] == [".ci/run"]
    assert {name: job.get("needs") for name, job in jobs().items()} == {
        "test": None, "build": "test", "release": "test",
    }  # fmt: skip
    assert all(job["timeout-minutes"] <= 60 for job in jobs().values())


def test_the_image_is_built_for_two_architectures() -> None:
    built = list(steps("docker/build-push-action"))

    assert workflow()["env"]["PLATFORMS"] == "linux/amd64,linux/arm64"
    assert [step["with"]["platforms"] for step in built] == ["${{ env.PLATFORMS }}"] * 2
    assert [step["with"]["push"] for step in built] == [False, True]


def test_the_release_job_runs_only_for_tags_and_the_build_job_runs_only_without_a_tag() -> None:
    assert jobs()["release"]["if"] == "${{ startsWith(github.ref, 'refs/tags/') }}"
    assert jobs()["build"]["if"] == "${{ !startsWith(github.ref, 'refs/tags/') }}"


def test_a_release_has_an_sbom_and_provenance_and_a_pinned_base_image() -> None:
    build = release_step("docker/build-push-action")["with"]

    assert (build["sbom"], build["provenance"]) == (True, "mode=max")
    assert build["build-args"] == "PYTHON_IMAGE=${{ steps.base.outputs.image }}"
    assert f"ARG PYTHON_IMAGE={workflow()['env']['PYTHON_IMAGE']}\n" in (ROOT / "Dockerfile").read_text()


def test_the_digest_that_was_built_is_signed_and_verified() -> None:
    signing = [step for step in jobs()["release"]["steps"] if "cosign" in step.get("run", "")]

    assert [step["env"] for step in signing] == [{"DIGEST": "${{ steps.build.outputs.digest }}"}] * 2
    assert signing[0]["run"] == 'cosign sign --yes --recursive "$IMAGE@$DIGEST"'
    assert 'cosign verify "$IMAGE@$DIGEST"' in signing[1]["run"]


@pytest.mark.processes
@pytest.mark.parametrize(("tag", "code"), [(f"v{VERSION}", 0), ("v99.0.0", 1), (VERSION, 1)])
def test_a_tag_is_released_only_if_it_is_the_version(tag: str, code: int, tmp_path: Path) -> None:
    [script] = [step["run"] for step in jobs()["release"]["steps"] if step.get("id") == "version"]
    variables = {"GITHUB_REF_NAME": tag, "GITHUB_OUTPUT": str(tmp_path / "output"), "PATH": "/usr/bin:/bin"}

    # GitHub runs a script with these options.
    command = [shutil.which("bash") or "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    ended = subprocess.run(command, cwd=ROOT, env=variables, check=False)  # noqa: S603

    assert ended.returncode == code
    assert (tmp_path / "output").exists() is (code == 0)


def test_the_file_that_names_the_version_of_go_exists() -> None:
    [setup_go] = steps("actions/setup-go")

    assert (ROOT / setup_go["with"]["go-version-file"]).is_file()


def test_dependabot_updates_the_actions_and_the_images_of_compose() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]

    assert {each["package-ecosystem"]: each["directory"] for each in updates} == {
        "github-actions": "/", "docker-compose": "/deploy",
    }  # fmt: skip
