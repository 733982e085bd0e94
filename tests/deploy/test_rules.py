"""Rules of good practice for every Deployment of the overlays, similar to the rules of kube-score."""

from typing import Any

import pytest

from tests.deploy.manifests import Manifest, Manifests, container_of, mounts, pod_of

pytestmark = pytest.mark.processes
RECOMMENDED = {"name", "component", "part-of", "version"}


def deployments(manifests: Manifests) -> list[Manifest]:
    found = manifests.of("Deployment")
    assert found
    return found


def pod_labels(deployment: Manifest) -> dict[str, str]:
    labels: dict[str, str] = deployment["spec"]["template"]["metadata"]["labels"]
    return labels


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """True if this label selector selects pods with these labels."""
    assert set(selector) <= {"matchLabels"}
    return bool(selector) and selector["matchLabels"].items() <= labels.items()


def test_the_memory_request_equals_the_memory_limit_and_cpu_has_no_limit(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        resources = container_of(deployment)["resources"]

        assert set(resources["limits"]) == {"memory"}
        assert resources["requests"]["memory"] == resources["limits"]["memory"]
        assert resources["requests"]["cpu"]


def test_each_probe_uses_its_health_path_and_the_port_of_the_container(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        container = container_of(deployment)
        probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}

        live, ready = {"path": "/health/live", "port": "http"}, {"path": "/health/ready", "port": "http"}
        assert probes == {"startup": live, "liveness": live, "readiness": ready}
        assert [port["name"] for port in container["ports"]] == ["http"]


def test_the_startup_probe_allows_three_times_the_longest_start_of_the_service(overlay: Manifests) -> None:
    longest_s = 120 if "SPIFFE_STARTUP_WAIT_S" in overlay.environment("realtime-service") else 10

    for deployment in deployments(overlay):
        probe = container_of(deployment)["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] >= 3 * longest_s


def test_containers_run_without_root_and_without_capabilities_on_a_read_only_file_system(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        pod = pod_of(deployment)

        assert pod["securityContext"] == {
            "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }  # fmt: skip
        assert container_of(deployment)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_mounts_are_read_only_and_secrets_are_not_readable_by_others(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        for mount in container_of(deployment).get("volumeMounts", ()):
            assert mount["readOnly"] is True
        for _, volume in mounts(deployment):
            assert not {"hostPath", "emptyDir"} & set(volume)
            if "secret" in volume:
                assert volume["secret"]["defaultMode"] == 0o440


def test_each_deployment_has_its_own_service_account_without_a_mounted_token(overlay: Manifests) -> None:
    accounts = {each["metadata"]["name"]: each for each in overlay.of("ServiceAccount")}

    for deployment in deployments(overlay):
        account = accounts[pod_of(deployment)["serviceAccountName"]]
        assert account["metadata"]["name"] == deployment["metadata"]["name"]
        assert pod_of(deployment)["automountServiceAccountToken"] is account["automountServiceAccountToken"] is False


def test_each_deployment_has_one_disruption_budget_that_allows_the_eviction_of_one_pod(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        labels = pod_labels(deployment)
        budgets = [each for each in overlay.of("PodDisruptionBudget") if selects(each["spec"]["selector"], labels)]

        assert [each["spec"]["maxUnavailable"] for each in budgets] == [1]


def test_exactly_one_pod_monitor_scrapes_the_pods_of_each_deployment(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        monitors = [
            each for each in overlay.of("PodMonitor") if selects(each["spec"]["selector"], pod_labels(deployment))
        ]

        [endpoint] = [endpoint for each in monitors for endpoint in each["spec"]["podMetricsEndpoints"]]
        assert (endpoint["port"], endpoint["path"]) == ("http", "/metrics")


def test_replicas_are_spread_over_nodes_and_zones(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        constraints = pod_of(deployment)["topologySpreadConstraints"]

        assert [each["topologyKey"] for each in constraints] == [
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        ]
        assert all(selects(each["labelSelector"], pod_labels(deployment)) for each in constraints)


def test_a_rollout_removes_a_pod_only_after_a_new_pod_is_ready(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_every_image_has_a_digest_or_a_tag_other_than_latest(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        image = container_of(deployment)["image"]
        tag = image.rpartition("/")[2].partition(":")[2]
        assert tag not in {"", "latest"} or "@sha256:" in image


def test_the_version_label_is_the_tag_of_the_image(overlay: Manifests) -> None:
    for deployment in deployments(overlay):
        tag = container_of(deployment)["image"].rpartition(":")[2]
        assert pod_labels(deployment)["app.kubernetes.io/version"] == tag


def test_every_manifest_except_namespaces_and_configmaps_has_all_recommended_labels(
    overlay: Manifests,
) -> None:
    for manifest in overlay.all():
        labels = manifest["metadata"].get("labels", {})
        needed = {"part-of"} if manifest["kind"] in {"Namespace", "ConfigMap"} else RECOMMENDED
        assert {f"app.kubernetes.io/{each}" for each in needed} <= set(labels), manifest["metadata"]["name"]


def test_the_selector_of_a_deployment_does_not_name_the_version(overlay: Manifests) -> None:
    """The selector of a Deployment cannot be changed. If it named the version, no release could be rolled out."""
    for deployment in deployments(overlay):
        name = deployment["metadata"]["name"]
        assert deployment["spec"]["selector"] == {"matchLabels": {"app.kubernetes.io/name": name}}


def test_every_manifest_is_in_the_namespace_that_accepts_only_restricted_pods(overlay: Manifests) -> None:
    namespace = overlay.one("Namespace", "realtime")
    others: list[Any] = [each["metadata"].get("namespace") for each in overlay.all() if each["kind"] != "Namespace"]

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert set(others) == {"realtime"}


def test_each_kubernetes_service_selects_the_pods_of_realtime_service(overlay: Manifests) -> None:
    labels = pod_labels(overlay.one("Deployment", "realtime-service"))

    for service in overlay.of("Service"):
        assert service["spec"]["selector"].items() <= labels.items()
        assert service["spec"]["ports"] == [{"name": "http", "port": 9730, "targetPort": "http"}]
    assert overlay.one("Service", "realtime-service-pods")["spec"]["clusterIP"] == "None"
    assert overlay.one("Service", "realtime-service-pods")["spec"]["publishNotReadyAddresses"] is True
