"""The built overlays are valid by the schemas of Kubernetes, and by the controllers' types for other kinds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deploy.manifests import FLUX, Kustomize, Manifest, Manifests
from tests.harness.deploy_tools import Tool, run

pytestmark = pytest.mark.processes

# The oldest and the newest version that docs/deployment.md names.
KUBERNETES = ("1.30", "1.37")
DECODED = {"PodMonitor", "PrometheusRule"}  # tools/manifests decodes these kinds
EXTERNAL = {"ExternalSecret"}


def faults(manifest: Manifest, version: str) -> list[str]:
    """The faults of a manifest by the schemas of this version of Kubernetes, including unknown fields."""
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{manifest['kind']} {manifest['metadata']['name']}: {error.message}"]
    return []


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_schemas_of_kubernetes_know_every_field(overlay: Manifests, version: str) -> None:
    ours = [each for each in overlay.all() if each["kind"] not in DECODED | EXTERNAL]

    assert [fault for each in ours for fault in faults(each, version)] == []
    assert {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"} <= {each["kind"] for each in ours}


def test_a_misspelt_field_of_a_deployment_is_reported(dev: Manifests) -> None:
    deployment = dev.one("Deployment", "realtime-service")
    deployment["spec"]["minReadySecond"] = 15

    assert faults(deployment, KUBERNETES[-1]) != []


def test_the_types_of_prometheus_operator_decode_its_manifests(overlay: Manifests, checker: Path) -> None:
    documents = [each for each in overlay.all() if each["kind"] in DECODED]

    ended = run(checker, "resources", given=yaml.safe_dump_all(documents))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert {each["kind"] for each in documents} == DECODED


@pytest.mark.parametrize("cluster", ["dev", "prod"])
def test_the_types_of_flux_decode_its_kustomization(cluster: str, checker: Path) -> None:
    ended = run(checker, "resources", given=(FLUX / "clusters" / cluster / "realtime-service.yaml").read_text())

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("original", "replacement", "message"),
    [
        ("  prune: true\n", "", "spec.prune is missing"),
        ("  prune: true\n", "  prune: true\n  prunes: true\n", 'unknown field "spec.prunes"'),
        ("  dependsOn:", "  DependsOn:", 'unknown field "spec.DependsOn"'),
        ("  timeout: 5m", "  timeout: [5m]", "cannot unmarshal"),
        ("  prune: true\n", "  prune: true\n  prune: false\n", 'key "prune" already set in map'),
        ("kind: Kustomization", "kind: HelmRelease", "is not among the kinds of this program"),
    ],
    ids=["missing", "unknown", "another case", "another type", "repeated", "another kind"],
)
def test_the_decoder_reports_missing_and_unknown_and_repeated_fields(
    original: str, replacement: str, message: str, checker: Path
) -> None:
    good = (FLUX / "clusters" / "dev" / "realtime-service.yaml").read_text()
    assert original in good

    ended = run(checker, "resources", given=good.replace(original, replacement))

    assert ended.returncode == 1
    assert message in ended.stdout


def closed(schema: Any) -> Any:
    """The schema of a custom resource, changed to refuse unknown fields, as the API server's strict validation does."""
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name not in {"default", "description", "format"}}
    if "properties" in schema:
        kept["properties"] = {name: closed(value) for name, value in schema["properties"].items()}
        kept.setdefault("additionalProperties", False)
    for name in ("items", "additionalProperties"):
        if name in schema:
            kept[name] = closed(schema[name])
    return kept


def external_secret_schema(definition: Path) -> Any:
    versions = yaml.safe_load(definition.read_text())["spec"]["versions"]
    [schema] = [each["schema"]["openAPIV3Schema"] for each in versions if each["name"] == "v1"]
    schema["properties"]["metadata"] = {"type": "object", "additionalProperties": True}  # Kubernetes checks it
    return closed(schema)


def external_faults(definition: Path, manifest: Manifest) -> Iterator[str]:
    validator = jsonschema.Draft202012Validator(external_secret_schema(definition))
    yield from (f"{manifest['metadata']['name']}: {error.message}" for error in validator.iter_errors(manifest))


def test_the_definition_of_external_secret_knows_every_field(prod: Manifests, deploy_tool: Tool) -> None:
    definition = deploy_tool("external-secrets.yaml")
    documents = prod.of("ExternalSecret")

    assert [fault for each in documents for fault in external_faults(definition, each)] == []
    assert {each["apiVersion"] for each in documents} == {"external-secrets.io/v1"}


def test_a_misspelt_or_invalid_field_of_an_external_secret_is_reported(prod: Manifests, deploy_tool: Tool) -> None:
    secret = prod.of("ExternalSecret")[0]
    secret["spec"] |= {"refreshIntervals": "1h", "refreshPolicy": "Sometimes"}

    [refused, unknown] = sorted(external_faults(deploy_tool("external-secrets.yaml"), secret))

    assert "'Sometimes' is not one of" in refused
    assert "'refreshIntervals' was unexpected" in unknown


def test_every_kind_is_checked_by_a_schema_or_a_decoder(overlay: Manifests) -> None:
    groups = {each["apiVersion"].partition("/")[0] for each in overlay.all() if each["kind"] not in DECODED | EXTERNAL}

    assert groups <= {"v1", "apps", "autoscaling", "networking.k8s.io", "policy"}


@pytest.mark.parametrize(
    "components",
    [
        ("guard",), ("fallback",), ("fallback", "claims"), ("policy",), ("tls",), ("spiffe",), ("bridge",),
        ("autoscaling",), ("secrets-external",), ("bridge", "secrets-external"),
    ],
    ids="+".join,
)  # fmt: skip
def test_each_component_can_be_used_without_the_components_that_it_does_not_need(
    components: tuple[str, ...], kustomize: Kustomize, tmp_path: Path
) -> None:
    built = kustomize.composed(tmp_path, *components)

    ours = [each for each in built.all() if each["kind"] not in DECODED | EXTERNAL]
    assert [fault for each in ours for fault in faults(each, KUBERNETES[-1])] == []


def test_every_component_is_tested() -> None:
    folders = {path.parent.name for path in FLUX.glob("apps/*/components/*/kustomization.yaml")}

    tried = {"guard", "fallback", "claims", "policy", "tls", "spiffe", "bridge", "autoscaling", "secrets-external"}
    assert folders == tried | {"secrets-sops"}  # tests/deploy/test_secrets.py tests it
