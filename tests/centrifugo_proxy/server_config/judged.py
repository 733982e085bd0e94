# ruff: noqa: E501
"""The options that rules check: each pattern of option names, with the ids of its findings.

Findings that every option can have, such as value-invalid, are left out.
"""

from typing import Final

# a proxy whose endpoint can be this service
V6_PROXY = (
    r"(client\.proxy\.(connect|refresh)|channel\.proxy\.(subscribe|publish|sub_refresh)|rpc\.proxy|proxies\[\])\."
)
V6_NAMESPACE = r"channel\.(without_namespace|namespaces\[\])\."
V5_NAMESPACE = r"(namespaces\[\]\.)?"
GUARD = "guard-header-missing guard-header-wrong header-unsendable header-of-connection header-ignored"
FROM_CLIENT = "guard-header-from-client header-of-connection header-ignored"
TRANSFORMS = "transform-401-missing transform-401-reconnects transform-401-terminal transform-outage-terminal transform-on-refresh start-refused"
ENDPOINT = "connect-proxy-missing endpoint-invalid endpoint-path endpoint-grpc event-not-answered start-refused"
OPEN_NAMESPACES = "namespace-proxy-off namespace-open"
RIGHTS = "rights-without-subscription rights-of-every-client"

JUDGED: Final[dict[int, dict[str, str]]] = {
    6: {
        rf"{V6_PROXY}endpoint": ENDPOINT,
        rf"{V6_PROXY}timeout": "timeout-not-above-deadline timeout-invalid",
        rf"{V6_PROXY}(http_headers|emulated_headers|grpc_metadata)": FROM_CLIENT,
        rf"{V6_PROXY}include_connection_meta": "connection-meta-off",
        r"(channel\.proxy\.publish|proxies\[\])\.binary_encoding": "binary-publications",
        rf"{V6_PROXY}http\.static_headers": GUARD,
        rf"{V6_PROXY}http\.status_to_code_transforms(\[\]\..*)?": TRANSFORMS,
        rf"{V6_PROXY}http\.tls\.insecure_skip_verify": "tls-unverified tls-unverified-elsewhere",
        rf"{V6_PROXY}http\.tls\.enabled": "tls-unverified",
        r"client\.proxy\.(connect|refresh)\.enabled": "connect-proxy-missing refresh-proxy-missing",
        r"proxies\[\]\.name": "start-refused",
        rf"{V6_NAMESPACE}(subscribe|publish|sub_refresh)_proxy_(enabled|name)": "policy-namespace-missing "
        "namespace-proxy-off namespace-sub-refresh-off start-refused",
        rf"{V6_NAMESPACE}subscribe_stream_proxy_enabled": "policy-namespace-missing start-refused",
        rf"{V6_NAMESPACE}allow_(subscribe|publish)_for_(client|subscriber)": OPEN_NAMESPACES,
        rf"{V6_NAMESPACE}allow_(history|presence)_for_client": RIGHTS,
        rf"{V6_NAMESPACE}map\.allow_(publish|remove)_for_(client|subscriber)": RIGHTS,
        rf"{V6_NAMESPACE}(map\.)?allow_(subscribe|publish|presence|history|remove)_for_anonymous": "anonymous-access",
        rf"{V6_NAMESPACE}allow_user_limited_channels": "user-limited-channels",
        rf"{V6_NAMESPACE}(history_size|history_ttl|history_meta_ttl|force_recovery|force_recovery_mode)": "start-refused",
        rf"{V6_NAMESPACE}(auto_cache_recover|channel_regex|allowed_delta_types)": "start-refused",
        rf"{V6_NAMESPACE}map_(clients|users)_presence_channel_prefix": "start-refused",
        rf"{V6_NAMESPACE}publication_data_format": "start-refused binary-publications",
        rf"{V6_NAMESPACE}subscription_type": "start-refused shared-poll-signatures",
        rf"{V6_NAMESPACE}map\.(mode|key_ttl|meta_ttl|stream_(size|ttl)|(min|default|max)_page_size|client_key|remove_client_on_unsubscribe)": "start-refused",
        rf"{V6_NAMESPACE}map\.(publish|remove)_proxy_enabled": RIGHTS,
        rf"{V6_NAMESPACE}presence": RIGHTS,
        r"channel\.namespaces\[\]\.name": "policy-namespace-missing start-refused",
        rf"{V6_NAMESPACE}(subscribe_stream|map\.publish|map\.remove)_proxy_name": "start-refused",
        rf"{V6_NAMESPACE}shared_poll\.(proxy_name|mode|publish_enabled)": "start-refused",
        r"(?!debug).*\.handler_prefix": "start-refused",
        r"channel\.history_meta_ttl": "start-refused",
        r"channel\.publication_data_format": "start-refused binary-publications",
        r"channel\.namespace_boundary": "namespace-boundary",
        r"channel\.private_prefix": "private-prefix",
        r"rpc\.namespace_boundary": "rpc-boundary",
        r"rpc\.without_namespace\.proxy_enabled": "event-proxy-missing",
        r"rpc\.(without_namespace|namespaces\[\])\.proxy_name|rpc\.namespaces\[\]\.(name|proxy_enabled)": (
            "event-proxy-missing start-refused"
        ),
        r"client\.allowed_origins": "origins-any origins-null origins-empty origins-unmatched",
        r"client\.allow_anonymous_connect_without_token": "anonymous-access",
        r"client\.(insecure|insecure_skip_token_signature_verify)|http_api\.insecure|admin\.insecure": "insecure-mode",
        r"client\.(subscription_)?token\.insecure_skip_jwks_endpoint_safety_check": "insecure-mode",
        r"client\.token\.(hmac_(previous_)?secret_key|(rsa|ecdsa)_public_key|jwks_public_endpoint)": (
            "jwt-keys start-refused"
        ),
        r"channel\.proxy\.(subscribe_stream|map_publish|map_remove|shared_poll_refresh)\.endpoint": "start-refused",
        r"client\.subscription_token\.(enabled|hmac_(previous_)?secret_key|(rsa|ecdsa)_public_key|jwks_public_endpoint)": (
            "subscription-tokens"
        ),
        r"client\.(subscription_)?token\.(audience|issuer|user_id_claim|(audience|issuer)_regex)": "start-refused",
        r"client\.user_id_http_header": "user-id-header",
        r"log\.level": "log-with-tickets",
        r"http_server\.tls\.(cert_pem|key_pem)|http_server\.tls_autocert\.enabled|(grpc_api|uni_grpc)\.port"
        r"|engine\.redis\.address": "start-refused",
        r"client\.connection_rate_limit": "connection-rate-limit",
        r"client\.user_connection_limit": "user-connection-limit",
        r"client\.stale_close_delay": "stale-close-delay stale-close-delay-short",
        r"client\.(ping_interval|pong_timeout)": "start-refused",
        r"client\.subscribe_to_user_personal_channel\..*": "personal-channels start-refused",
        r"client\.connect_code_to_unidirectional_disconnect\.transforms(\[\]\..*)?": "start-refused",
        r"(uni_sse|uni_http_stream)\.connect_code_to_http_response\.transforms(\[\]\..*)?": "start-refused",
        r"grpc_api\.(enabled|key|address|tls\.enabled|tls\.client_ca_pem)": "api-without-key weak-secret",
        r"http_api\.(key|disabled)|admin\.(password|secret)": "weak-secret",
        r"(http_api|grpc_api)\.error_mode|(engine|broker|map_broker|presence_manager|controller)\.type": "start-refused",
        r"(broker|presence_manager|controller)\.enabled": "start-refused",
        r"debug\.enabled|http_server\.(port|internal_port|internal_address)": "debug-endpoints start-refused",
        r"http_server\.(h2c_external|http3\.enabled|tls\.enabled)|webtransport\.enabled": "start-refused",
        r"(websocket|webtransport|uni_websocket)\.message_size_limit": "message-size message-size-small",
        r"(emulation|sse|http_stream|uni_sse|uni_http_stream)\.max_request_body_size": "message-size message-size-small",
        r"uni_grpc\.max_receive_message_size|(sse|http_stream|uni_websocket|uni_sse|uni_http_stream|uni_grpc)\.enabled": (
            "message-size message-size-small"
        ),
        r"(engine|broker|presence_manager|map_broker|controller|consumers\[\])\..*insecure_skip_verify": (
            "tls-unverified-elsewhere"
        ),
        r".*\.grpc\.tls\.insecure_skip_verify|channel\.proxy\.(subscribe_stream|map_publish|map_remove|shared_poll_refresh)"
        r"\.http\.tls\.insecure_skip_verify": "tls-unverified-elsewhere",
        r"consumers\[\]\.(name|type|enabled)": "start-refused",
        r"consumers\[\]\.(postgresql\.(dsn|outbox_table_name)|kafka\.(brokers|topics|consumer_group))": "start-refused",
        r"consumers\[\]\.(nats_jetstream\.(stream_name|durable_consumer_name)|redis_stream\.(streams|consumer_group))": (
            "start-refused"
        ),
        r"consumers\[\]\.(google_pub_sub\.(project_id|subscriptions)|(aws_sqs|azure_service_bus)\.queues)": "start-refused",
        r"shared_poll\.hmac_secret_key": "start-refused shared-poll-signatures",
    },
    5: {
        r"(?!sockjs).*_handler_prefix": "start-refused",
        rf"{V5_NAMESPACE}subscribe_stream_proxy_name": "start-refused",
        r"proxy_(connect|refresh|subscribe|publish|sub_refresh|rpc)_endpoint|proxies\[\]\.endpoint": (
            f"{ENDPOINT} refresh-proxy-missing"
        ),
        r"proxy_(connect|refresh|subscribe|publish|sub_refresh|rpc)_timeout|proxies\[\]\.timeout": (
            "timeout-not-above-deadline timeout-invalid"
        ),
        r"proxy_(http_headers|grpc_metadata)|proxies\[\]\.(http_headers|grpc_metadata)": FROM_CLIENT,
        r"(proxy_|proxies\[\]\.)include_connection_meta": "connection-meta-off",
        r"(proxy_|proxies\[\]\.)binary_encoding": "binary-publications",
        r"proxy_static_http_headers|proxies\[\]\.static_http_headers": GUARD,
        r"proxy_http_status_code_transforms(\[\]\..*)?|proxies\[\]\.http_status_to_code_transforms(\[\]\..*)?": TRANSFORMS,
        r"proxies\[\]\.name|granular_proxy_mode|(connect|refresh|rpc)_proxy_name|rpc_namespaces\[\]\..*": (
            "connect-proxy-missing event-proxy-missing start-refused"
        ),
        rf"{V5_NAMESPACE}proxy_(subscribe|publish|sub_refresh)|{V5_NAMESPACE}(subscribe|publish|sub_refresh)_proxy_name": (
            "policy-namespace-missing namespace-proxy-off namespace-sub-refresh-off start-refused"
        ),
        r"namespaces\[\]\.proxy_subscribe_stream|proxy_subscribe_stream_endpoint": "start-refused",
        rf"{V5_NAMESPACE}allow_(subscribe|publish)_for_(client|subscriber)": OPEN_NAMESPACES,
        rf"{V5_NAMESPACE}allow_(history|presence)_for_client|{V5_NAMESPACE}presence": RIGHTS,
        rf"{V5_NAMESPACE}allow_(subscribe|publish|presence|history)_for_anonymous": "anonymous-access",
        r"allow_anonymous_connect_without_token": "anonymous-access",
        rf"{V5_NAMESPACE}allow_user_limited_channels": "user-limited-channels",
        rf"{V5_NAMESPACE}(history_size|history_ttl|history_meta_ttl|force_recovery|force_recovery_mode)": "start-refused",
        rf"{V5_NAMESPACE}(channel_regex|allowed_delta_types)|global_history_meta_ttl": "start-refused",
        r"namespaces\[\]\.name": "policy-namespace-missing start-refused",
        r"channel_namespace_boundary": "namespace-boundary",
        r"channel_private_prefix": "private-prefix",
        r"rpc_namespace_boundary": "rpc-boundary",
        r"allowed_origins": "origins-any origins-null origins-empty origins-unmatched",
        r"client_insecure(_skip_token_signature_verify)?|api_insecure|admin_insecure": "insecure-mode",
        r"token_(hmac_secret_key|rsa_public_key|ecdsa_public_key|jwks_public_endpoint)": "jwt-keys start-refused",
        r"separate_subscription_token_config|subscription_token_(hmac_secret_key|(rsa|ecdsa)_public_key|"
        r"jwks_public_endpoint)": "subscription-tokens",
        r"(subscription_)?token_(audience|issuer|user_id_claim|(audience|issuer)_regex)": "start-refused",
        r"client_user_id_http_header": "user-id-header",
        r"log_level": "log-with-tickets",
        r"tls|tls_(cert|key)(_pem)?|tls_autocert|(grpc_api|uni_grpc)_port|redis_address": "start-refused",
        r"client_connection_rate_limit": "connection-rate-limit",
        r"client_user_connection_limit": "user-connection-limit",
        r"client_stale_close_delay": "stale-close-delay stale-close-delay-short",
        r"ping_interval|pong_timeout|engine|broker|(grpc_)?api_error_mode|webtransport|http3": "start-refused",
        r"user_(subscribe_to_personal|personal_channel_namespace|personal_single_connection)": (
            "personal-channels start-refused"
        ),
        r"grpc_api(_key|_address|_tls|_tls_client_ca|_tls_client_ca_pem)?": "api-without-key weak-secret",
        r"api_key|api_disable|admin_password|admin_secret": "weak-secret",
        r"debug|port|internal_port|internal_address": "debug-endpoints start-refused",
        r"(websocket|uni_websocket)_message_size_limit|(emulation|sse|http_stream|uni_sse|uni_http_stream)_"
        r"max_request_body_size|uni_grpc_max_receive_message_size": "message-size message-size-small",
        r"sse|http_stream|uni_websocket|uni_sse|uni_http_stream|uni_grpc": "message-size message-size-small",
        r"redis_(sentinel_)?tls(_insecure_skip_verify)?|(nats_tls|proxy_grpc_tls|proxies\[\]\.grpc_tls)\."
        r"(enabled|insecure_skip_verify)|consumers\[\]\.kafka\.tls(_insecure_skip_verify)?": "tls-unverified-elsewhere",
        r"consumers\[\]\.(name|type)": "start-refused",
    },
}
