"""Which peers may reach the pods, and which peers the pods may reach: the union of all network policies."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.deploy.manifests import BRIDGE, SERVICE, Manifest, Manifests, pod_of

pytestmark = pytest.mark.processes
Flow = tuple[str, int]  # namespace/pod, and a port

DNS = {("kube-system/kube-dns", 53)}
SAME_PODS = {(f"/{SERVICE}", 9730)}  # for `manage.py pods`


def policies(manifests: Manifests, name: str) -> list[Manifest]:
    selected = {"matchLabels": {"app.kubernetes.io/name": name}}
    return [each["spec"] for each in manifests.of("NetworkPolicy") if each["spec"]["podSelector"] == selected]


def flows(manifests: Manifests, name: str, direction: str) -> set[Flow]:
    """The peers and ports that the policies of this Deployment's pods allow; `direction` is `ingress` or `egress`."""
    peers = {"ingress": "from", "egress": "to"}[direction]
    return {
        (peer_name(peer), port["port"])
        for policy in policies(manifests, name)
        for rule in policy.get(direction, ())
        for peer in rule[peers]
        for port in rule["ports"]
    }


def peer_name(peer: Manifest) -> str:
    """The `namespace/pod` of a peer. Fails if the policy does not select the peer by the labels of its pods."""
    assert set(peer) <= {"namespaceSelector", "podSelector"}
    [pod] = peer["podSelector"]["matchLabels"].values()
    namespace = peer.get("namespaceSelector", {"matchLabels": {"": ""}})["matchLabels"]
    return f"{next(iter(namespace.values()))}/{pod}"


def test_only_centrifugo_and_prometheus_and_its_own_pods_may_reach_the_service(overlay: Manifests) -> None:
    assert flows(overlay, SERVICE, "ingress") == {
        ("centrifugo/centrifugo", 9730), ("monitoring/prometheus", 9730), *SAME_PODS,
    }  # fmt: skip


def test_the_service_may_reach_only_its_peers(prod: Manifests) -> None:
    assert flows(prod, SERVICE, "egress") == DNS | SAME_PODS | {
        ("identity/identity-service", 50051), ("family/family-service", 50051), ("diary/diary-service", 50061),
        ("redis/redis", 6379), ("monitoring/opentelemetry-collector", 4318),
    }  # fmt: skip


def test_without_components_the_service_may_reach_only_identity_and_the_collector(dev: Manifests) -> None:
    assert flows(dev, SERVICE, "egress") == DNS | SAME_PODS | {
        ("identity/identity-service", 50051), ("monitoring/opentelemetry-collector", 4318),
    }  # fmt: skip


def test_only_prometheus_may_reach_the_bridge_and_the_bridge_may_reach_only_its_peers(prod: Manifests) -> None:
    assert flows(prod, BRIDGE, "ingress") == {("monitoring/prometheus", 9731)}
    assert flows(prod, BRIDGE, "egress") == DNS | {
        ("kafka/kafka", 9093), ("centrifugo/centrifugo", 9000), ("monitoring/opentelemetry-collector", 4318),
    }  # fmt: skip


def test_all_other_traffic_of_every_pod_is_denied_in_both_directions(overlay: Manifests) -> None:
    for deployment in overlay.of("Deployment"):
        directions = {each for one in policies(overlay, deployment["metadata"]["name"]) for each in one["policyTypes"]}
        assert directions == {"Ingress", "Egress"}
        assert not pod_of(deployment).get("hostNetwork")


def test_dns_is_allowed_over_udp_and_tcp(overlay: Manifests) -> None:
    for deployment in overlay.of("Deployment"):
        rules = [rule for each in policies(overlay, deployment["metadata"]["name"]) for rule in each["egress"]]
        ports = [port for rule in rules for port in rule["ports"] if port["port"] == 53]
        assert [port["protocol"] for port in ports] == ["UDP", "TCP"]


def addresses(environment: dict[str, str]) -> Iterator[Flow]:
    """Namespace and port of every host that the settings name."""
    for name, value in environment.items():
        if name.endswith(("_GRPC_ADDRESS", "_BROKERS", "RPC_BACKENDS")):
            for target in value.split(","):
                host, _, port = target.rpartition("=")[2].removeprefix("dns:///").rpartition(":")
                yield host.split(".")[1], int(port)
        elif name.endswith(("_ENDPOINT", "_API_URL")):
            url = urlsplit(value)
            yield str(url.hostname).split(".")[1], url.port or 0


@pytest.mark.parametrize("name", [SERVICE, BRIDGE])
def test_the_policies_allow_every_address_in_the_settings(name: str, prod: Manifests) -> None:
    named = set(addresses(prod.environment(name)))

    allowed = {(peer.partition("/")[0], port) for peer, port in flows(prod, name, "egress")}
    assert len(named) >= 3
    assert named <= allowed
