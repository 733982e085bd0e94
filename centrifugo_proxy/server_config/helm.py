"""The values of Centrifugo's Helm chart that fit the service: https://github.com/centrifugal/helm-charts"""

from typing import Final

from centrifugo_proxy.server_config.document import Commented, Tree
from centrifugo_proxy.server_config.generate import V6_GUARD_VARIABLE, NotPossible, generate
from centrifugo_proxy.server_config.service_facts import ServiceFacts

MAJOR: Final = 6  # the chart for v5 has other values
SECRET: Final = "centrifugo-proxy-token"  # noqa: S105  (the name of a Secret)
CONFIG: Final = "The chart (version 13 or newer) writes this into config.json."
GUARD: Final = (
    f"The guard's token. Create the Secret in the namespace of the release: kubectl create secret generic {SECRET} "
    "--from-literal=token=<the value of CENTRIFUGO_PROXY_TOKEN>."
)


def helm_values(facts: ServiceFacts, major: int, file_format: str, *, with_secrets: bool = False) -> Tree:
    """The chart's values. Raises NotPossible."""
    if major != MAJOR:
        raise NotPossible(f"--helm supports only Centrifugo v{MAJOR}: the chart for v{major} has other values.")
    if file_format == "toml":
        raise NotPossible("--helm supports only the formats yaml and json: Helm reads no values in TOML.")
    values: Tree = {"config": Commented(generate(facts, major, file_format, with_secrets=with_secrets), CONFIG)}
    if facts.tokens and not with_secrets:
        reference = {"name": V6_GUARD_VARIABLE, "secretKeyRef": {"name": SECRET, "key": "token"}}
        values["envSecret"] = Commented([reference], GUARD)
    return values
