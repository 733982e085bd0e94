"""The overlays of deploy/flux, built by kustomize."""

from pathlib import Path

import pytest

from tests.deploy.manifests import OVERLAYS, Kustomize, Manifests
from tests.harness.deploy_tools import Tool


@pytest.fixture(scope="session")
def kustomize(deploy_tool: Tool) -> Kustomize:
    return Kustomize(deploy_tool("kustomize"))


@pytest.fixture(scope="session", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest, kustomize: Kustomize) -> Manifests:
    """Each overlay in turn."""
    return kustomize.overlay(request.param)


@pytest.fixture(scope="session")
def dev(kustomize: Kustomize) -> Manifests:
    return kustomize.overlay("dev")


@pytest.fixture(scope="session")
def prod(kustomize: Kustomize) -> Manifests:
    return kustomize.overlay("prod")


@pytest.fixture
def checker(deploy_tool: Tool) -> Path:
    """The program tools/manifests. It checks a file with the Go types of the program that reads the file."""
    return deploy_tool("manifests")
