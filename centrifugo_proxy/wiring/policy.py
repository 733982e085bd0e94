"""Loads the policy of CHANNEL_POLICY_PATH."""

from typing import TYPE_CHECKING

from centrifugo_proxy.policy.file import PolicyError, read_policy
from centrifugo_proxy.policy.rules import Policy
from common.files import TEXT_BYTES, read_file
from common.os_errors import reason

__all__ = ["PolicyError", "load_policy"]

if TYPE_CHECKING:
    from django.conf import LazySettings


def load_policy(settings: "LazySettings", path: str = "") -> Policy:
    """The policy at `path`, or at CHANNEL_POLICY_PATH if `path` is empty.

    Raises PolicyError if the file cannot be read or has problems.
    """
    path = path or settings.CHANNEL_POLICY_PATH
    try:
        text = read_file(path, TEXT_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise PolicyError([f"{path}: cannot be read: {reason(error)}."]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise PolicyError([f"{path}: line {line} is not UTF-8. Save the file in UTF-8."]) from None
    return read_policy(
        text,
        path=path,
        backends=settings.RPC_BACKENDS,
        family_service=bool(settings.FAMILY_SERVICE_GRPC_ADDRESS),
        max_body_bytes=settings.PROXY_MAX_BODY_BYTES,
    )
