"""The sources of the overlays' Secrets, and the restart of the pods when a Secret changes."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.deploy.manifests import APP, BRIDGE, SERVICE, Kustomize, Manifests, mounted_secrets
from tests.harness.paths import DEPLOY

pytestmark = pytest.mark.processes
RELOAD = "secret.reloader.stakater.com/reload"
# The Secrets with certificates that are issued in the cluster, for example by cert-manager. The service watches their
# files.
WATCHED = {"realtime-service-tls"}
CERTIFICATES = WATCHED | {"realtime-bridge-kafka"}
USES_SOPS = ("guard", "fallback", "claims", "bridge", "secrets-sops")


def test_prod_mounts_only_the_certificates_and_the_secrets_of_its_external_secrets(prod: Manifests) -> None:
    made = {each["spec"]["target"]["name"] for each in prod.of("ExternalSecret")}

    assert mounted_secrets(prod) == made | CERTIFICATES
    assert "centrifugo-fallback-tickets" in made


def test_the_settings_name_every_key_of_the_external_secrets(prod: Manifests) -> None:
    made = {
        f"/var/run/secrets/{each['metadata']['name']}/{data['secretKey']}"
        for each in prod.of("ExternalSecret")
        for data in each["spec"]["data"]
    }

    named = {value for name in (SERVICE, BRIDGE) for value in prod.environment(name).values()}
    assert made <= named


def test_pods_are_restarted_when_a_secret_that_is_read_once_changes(prod: Manifests) -> None:
    """Reloader must restart the pods, because an ExternalSecret changes a Secret without changing its name."""
    listed = [prod.one("Deployment", name)["metadata"]["annotations"][RELOAD] for name in (SERVICE, BRIDGE)]

    assert {name for each in listed for name in each.split(",")} == mounted_secrets(prod) - WATCHED


@pytest.mark.parametrize("components", [("bridge", "secrets-external"), ("secrets-external", "bridge")])
def test_the_bridge_is_restarted_for_its_secrets_in_any_order_of_the_components(
    kustomize: Kustomize, tmp_path: Path, components: tuple[str, str]
) -> None:
    built = kustomize.composed(tmp_path, *components)

    [listed] = built.one("Deployment", BRIDGE)["metadata"]["annotations"].values()
    assert set(listed.split(",")) == {"realtime-bridge-centrifugo", "realtime-bridge-kafka"}


def test_no_overlay_contains_a_secret(overlay: Manifests) -> None:
    assert overlay.of("Secret") == []


@pytest.fixture
def with_encrypted_files(tmp_path: Path) -> Path:
    """A copy of deploy/ that has a stand-in for each file that the component secrets-sops names."""
    deploy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, deploy)
    component = deploy / APP / "components" / "secrets-sops"
    for generator in yaml.safe_load((component / "kustomization.yaml").read_text())["secretGenerator"]:
        for file in generator["files"]:
            path = component / file.partition("=")[2]
            path.parent.mkdir(exist_ok=True)
            path.write_text("stand-in")
    return deploy


def sops_build(kustomize: Kustomize, deploy: Path) -> Manifests:
    folder = deploy.parent / "overlay"
    folder.mkdir(exist_ok=True)
    return kustomize.composed(folder, *USES_SOPS, deploy=deploy)


def test_with_sops_the_pods_mount_the_generated_secrets(kustomize: Kustomize, with_encrypted_files: Path) -> None:
    built = sops_build(kustomize, with_encrypted_files)

    generated = set(built.names("Secret"))
    assert "realtime-bridge-kafka" in built.one("Deployment", BRIDGE)["metadata"]["annotations"][RELOAD].split(",")
    assert mounted_secrets(built) == generated | {"realtime-bridge-kafka"}
    assert {name.rpartition("-")[0] for name in generated} == {
        "centrifugo-fallback-tickets", "realtime-service-guard", "realtime-service-claims",
        "realtime-bridge-centrifugo",
    }  # fmt: skip


def test_with_sops_a_changed_file_changes_the_pods_that_mount_it(
    kustomize: Kustomize, with_encrypted_files: Path
) -> None:
    before = sops_build(kustomize, with_encrypted_files)
    tickets = with_encrypted_files / APP / "components" / "secrets-sops" / "encrypted" / "fallback-tickets.txt"
    tickets.write_text("another stand-in")

    after = sops_build(kustomize, with_encrypted_files)

    assert before.one("Deployment", SERVICE) != after.one("Deployment", SERVICE)
    assert before.one("Deployment", BRIDGE) == after.one("Deployment", BRIDGE)


def test_a_changed_setting_changes_the_pods_that_use_it(kustomize: Kustomize, prod: Manifests, tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    kustomization = tmp_path / "deploy" / APP / "prod" / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("SAMPLER_ARG=0.01", "SAMPLER_ARG=0.02"))

    changed = kustomize.overlay("prod", tmp_path / "deploy")

    assert changed.one("Deployment", SERVICE) != prod.one("Deployment", SERVICE)


def test_the_overlays_use_no_file_outside_deploy(kustomize: Kustomize, tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")

    for name in ("dev", "prod"):
        assert kustomize.overlay(name, tmp_path / "deploy") == kustomize.overlay(name)
