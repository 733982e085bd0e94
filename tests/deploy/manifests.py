"""Builds overlays, and finds manifests in the output."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.harness.deploy_tools import run
from tests.harness.paths import DEPLOY

APP: Final = Path("flux") / "apps" / "realtime-service"
FLUX: Final = DEPLOY / "flux"
OVERLAYS: Final = ("dev", "prod")
SERVICE, BRIDGE = "realtime-service", "realtime-bridge"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Manifests:
    """The output of one `kustomize build`."""

    text: str

    def all(self) -> list[Manifest]:
        # The plain loader is ten times slower.
        return list(yaml.load_all(self.text, Loader=yaml.CSafeLoader))

    def of(self, kind: str) -> list[Manifest]:
        return [each for each in self.all() if each["kind"] == kind]

    def one(self, kind: str, name: str) -> Manifest:
        [found] = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        return found

    def generated(self, kind: str, name: str) -> Manifest:
        """The ConfigMap or Secret that a generator made. Its full name ends with a hash."""
        return self.one(kind, next(found for found in self.names(kind) if found.rpartition("-")[0] == name))

    def names(self, kind: str) -> list[str]:
        return [each["metadata"]["name"] for each in self.of(kind)]

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a Deployment's container. All of them are in its ConfigMap."""
        container = container_of(self.one("Deployment", name))
        assert "env" not in container
        [source] = container["envFrom"]
        data: dict[str, str] = self.one("ConfigMap", source["configMapRef"]["name"])["data"]
        return data


@dataclass(frozen=True)
class Kustomize:
    """The pinned kustomize. By default, it reads only files in the folder of the kustomization and below."""

    binary: Path

    def build(self, folder: Path) -> Manifests:
        ended = run(self.binary, "build", str(folder))
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""  # warnings, for example of deprecated fields
        return Manifests(ended.stdout)

    def overlay(self, name: str, deploy: Path = DEPLOY) -> Manifests:
        return self.build(deploy / APP / name)

    def composed(self, folder: Path, *components: str, deploy: Path = DEPLOY) -> Manifests:
        """The base with these components. Writes the kustomization into this folder."""
        app = os.path.relpath((deploy / APP).resolve(), folder.resolve())
        content = {"resources": [f"{app}/base"], "components": [f"{app}/components/{each}" for each in components]}
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
        return self.build(folder)


def pod_of(deployment: Manifest) -> Manifest:
    pod: Manifest = deployment["spec"]["template"]["spec"]
    return pod


def container_of(deployment: Manifest) -> Manifest:
    [container] = pod_of(deployment)["containers"]
    found: Manifest = container
    return found


def mounts(deployment: Manifest) -> Iterator[tuple[str, Manifest]]:
    """The folder of each mount, and its volume."""
    volumes = {volume["name"]: volume for volume in pod_of(deployment).get("volumes", ())}
    for mount in container_of(deployment).get("volumeMounts", ()):
        yield mount["mountPath"], volumes[mount["name"]]


def mounted_secrets(manifests: Manifests) -> set[str]:
    """The names of the Secrets that the Deployments mount."""
    found = [volume.get("secret") for each in manifests.of("Deployment") for _, volume in mounts(each)]
    return {secret["secretName"] for secret in found if secret}
