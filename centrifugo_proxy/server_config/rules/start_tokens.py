"""Options of token verifiers that Centrifugo refuses."""

import re
from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.server_config.configuration import Configuration, FromSecret
from centrifugo_proxy.server_config.rules.start_channels import NO_EXPRESSION, is_expression_of_go

Refusal = tuple[str, str]  # the path and the problem
CLAIM: Final = re.compile(r"[a-zA-Z_]+", re.ASCII)
KEYS: Final = {6: ("client.token.", "client.subscription_token."), 5: ("token_", "subscription_token_")}


def token_refusals(configuration: Configuration) -> Iterator[Refusal]:
    """The path and reason of each refused option."""
    for prefix in _verifiers(configuration):
        yield from _keys(configuration, prefix)
        yield from _claims(configuration, prefix)
    yield from _user_id_claims(configuration)


def _keys(configuration: Configuration, prefix: str) -> Iterator[Refusal]:
    for name in ("rsa_public_key", "ecdsa_public_key"):
        key = configuration.option(prefix + name).value
        if isinstance(key, str) and key and not isinstance(key, FromSecret) and "-----BEGIN" not in key:
            yield prefix + name, "the key must be in PEM"


def _claims(configuration: Configuration, prefix: str) -> Iterator[Refusal]:
    endpoint = configuration.text(f"{prefix}jwks_public_endpoint")
    if endpoint and not endpoint.startswith(("http://", "https://")):
        yield f"{prefix}jwks_public_endpoint", "the endpoint must begin with http:// or https://"
    for name in ("audience", "issuer"):
        expression = configuration.text(f"{prefix}{name}_regex")
        if not is_expression_of_go(expression):
            yield f"{prefix}{name}_regex", NO_EXPRESSION
        elif expression and configuration.text(f"{prefix}{name}"):
            yield f"{prefix}{name}_regex", f"this option cannot be combined with {name}"


def _verifiers(configuration: Configuration) -> Iterator[str]:
    own, of_subscriptions = KEYS[configuration.major]
    yield own
    switch = "client.subscription_token.enabled" if configuration.major == 6 else "separate_subscription_token_config"
    if configuration.is_on(switch):
        yield of_subscriptions


def _user_id_claims(configuration: Configuration) -> Iterator[Refusal]:
    """v6 checks the claim of subscription tokens even if these tokens have no verifier of their own."""
    for prefix in KEYS[6] if configuration.major == 6 else _verifiers(configuration):
        claim = configuration.text(f"{prefix}user_id_claim")
        if claim and not CLAIM.fullmatch(claim):
            yield f"{prefix}user_id_claim", "a claim's name may contain only ASCII letters and _"
