"""The Kustomizations that Flux applies."""

from typing import Any

import pytest
import yaml

from tests.deploy.manifests import FLUX, OVERLAYS, Kustomize
from tests.harness.paths import ROOT

pytestmark = pytest.mark.processes


def spec(cluster: str) -> Any:
    return yaml.safe_load((FLUX / "clusters" / cluster / "realtime-service.yaml").read_text())["spec"]


@pytest.mark.parametrize("cluster", OVERLAYS)
def test_flux_applies_the_overlay_of_its_cluster(cluster: str) -> None:
    path = ROOT / spec(cluster)["path"]

    assert path.resolve() == FLUX / "apps" / "realtime-service" / cluster
    assert spec(cluster)["prune"] is True


@pytest.mark.parametrize("cluster", OVERLAYS)
def test_flux_waits_for_every_deployment(cluster: str, kustomize: Kustomize) -> None:
    built = kustomize.overlay(cluster).of("Deployment")

    waited = [(each["kind"], each["namespace"], each["name"]) for each in spec(cluster)["healthChecks"]]
    assert sorted(waited) == sorted(
        ("Deployment", each["metadata"]["namespace"], each["metadata"]["name"]) for each in built
    )


@pytest.mark.parametrize("cluster", OVERLAYS)
def test_flux_waits_longer_than_a_rollout_of_all_replicas_takes(cluster: str, kustomize: Kustomize) -> None:
    built = kustomize.overlay(cluster)
    start_s = 30
    replicas = max([1, *(each["spec"]["maxReplicas"] for each in built.of("HorizontalPodAutoscaler"))])
    ready_s = built.one("Deployment", "realtime-service")["spec"].get("minReadySeconds", 0)

    assert int(spec(cluster)["timeout"].removesuffix("m")) * 60 > replicas * (ready_s + start_s)


@pytest.mark.parametrize("cluster", OVERLAYS)
def test_flux_first_applies_the_kustomizations_that_the_overlay_needs(cluster: str, kustomize: Kustomize) -> None:
    installed_by = {"PodMonitor": "monitoring", "PrometheusRule": "monitoring", "ExternalSecret": "external-secrets"}
    built = kustomize.overlay(cluster)
    needed = {installed_by[each["kind"]] for each in built.all() if each["kind"] in installed_by}
    if any("secret.reloader.stakater.com/reload" in each["metadata"].get("annotations", {}) for each in built.all()):
        needed.add("reloader")

    assert {each["name"] for each in spec(cluster)["dependsOn"]} == needed
