# ruff: noqa: E501
"""The options without a rule, with the reason why they cannot harm a user of this service."""

from typing import Final

LISTEN = "where Centrifugo listens: the deployment decides it"
TLS_OF_SERVER = "certificates of Centrifugo's own listeners: a wrong one fails at the first connection"
TLS_OF_PEER = "Centrifugo's certificate for a peer, and the CA that it trusts there: a wrong one fails visibly"
STORAGE = "where messages and presence are stored, and how fast: no right depends on it"
CONSUMER = "what a consumer reads from a backend: the backend is trusted, like a caller of the API"
METRICS = "metrics, health, logs, and the name and PID file of a node"
TUNING = "how WebSockets, shared polls, the shutdown and the scheduler work: no right depends on it"
PAGES = "which pages and endpoints are served, and where; rules check insecure modes, keys and debug endpoints"
SUBSCRIBERS = "a right of subscribers, and the subscribe proxy has accepted each subscriber"
OTHER_PROXIES = "a proxy whose events this service does not answer"
TOKENS = "how JWTs are verified; a rule reports that there are keys"
GRPC_ENDPOINT = "used only with gRPC endpoints, and endpoint-grpc reports these"
FEWER = "a limit that refuses additional requests and accepts none that the policy refuses"
CLIENTS = "the content of a reply, or a limit for a client: no right depends on it"
DELAYS = "how soon an expired connection or subscription ends: it adds no right"

HARMLESS: Final[dict[int, dict[str, str]]] = {
    6: {
        r"http_server\.(address|tls_external)|(grpc_api|uni_grpc)\.address": LISTEN,
        r"http_server\.(internal_tls\..*|tls\.(?!cert_pem$|key_pem$).*|tls_autocert\.(?!enabled$).*)|(grpc_api|uni_grpc)\.tls\..*": TLS_OF_SERVER,
        r"(client|channel|rpc)\.proxy\..*\.tls\..*|proxies\[\]\..*\.tls\..*": TLS_OF_PEER,
        r"(engine\.(?!redis\.address$)|broker\.|presence_manager\.|map_broker\.|controller\.).*": STORAGE,
        r"consumers\[\]\..*": CONSUMER,
        r"(prometheus|health|graphite|opentelemetry|usage_stats|node)\..*|log\.file|pid_file": METRICS,
        r"(uni_)?websocket\..*|shutdown\.timeout|shared_poll\..*": TUNING,
        r"debug\.handler_prefix|http_api\.external|(swagger|init)\.enabled|grpc_api\.(reflection|max_receive_message_size)"
        r"|admin\.(enabled|external|web_path|web_proxy_address)": PAGES,
        r"channel\.(without_namespace|namespaces\[\])\.(allow_(history|presence)_for_subscriber|allow_positioning"
        r"|allow_recovery|allow_tags_filter|force_positioning|join_leave|force_push_join_leave|delta_publish)": SUBSCRIBERS,
        r"channel\.(without_namespace|namespaces\[\])\.(map|shared_poll)\..*": (
            "how entries of maps and polled channels are kept; rules check who may change them"
        ),
        r"channel\.(without_namespace|namespaces\[\])\.subscribe_stream_proxy_bidirectional"
        r"|channel\.proxy\.(subscribe_stream|map_publish|map_remove|shared_poll_refresh)\..*": OTHER_PROXIES,
        r"channel\.max_length": FEWER,
        r"channel\.user_(boundary|separator)": "used only with user-limited channels, and a rule reports these",
        r"client\.(subscription_)?token\..*|client\.disallow_anonymous_connection_tokens": TOKENS,
        r"client\.(connection_limit|channel_limit)": FEWER,
        r"client\.(expired_close_delay|expired_sub_close_delay|presence_update_interval)": DELAYS,
        r"client\.(queue_max_size|concurrency|channel_position_check_delay|channel_position_max_time_lag|connect_include_server_time"
        r"|(history|recovery)_max_publication_limit|connect_code_to_unidirectional_disconnect\.enabled)": CLIENTS,
        r"(uni_sse|uni_http_stream)\.connect_code_to_http_response\.enabled|rpc\.ping\..*": CLIENTS,
        r"(.*\.proxy\..*|rpc\.proxy|proxies\[\])\.grpc\..*": GRPC_ENDPOINT,
        r"(.*\.proxy\..*|rpc\.proxy|proxies\[\])\.binary_encoding": "the service accepts b64data in place of data",
        r"enable_unreleased_features": "it enables other options, and rules check these",
    },
    5: {
        r"address|tls_external|(grpc_api|uni_grpc)_address": LISTEN,
        r"tls_(client_ca|root_ca)(_pem)?|tls_(insecure_skip_verify|server_name)|tls_autocert_.*|(grpc_api|uni_grpc)_tls(_.*)?": TLS_OF_SERVER,
        r"nats_.*|nats_tls\..*|redis_(?!address$).*|tarantool_.*|global_.*": STORAGE,
        r"proxy_grpc_.*|proxies\[\]\.grpc_.*": GRPC_ENDPOINT,
        r"consumers\[\]\..*": CONSUMER,
        r"prometheus.*|health.*|graphite.*|opentelemetry.*|usage_stats_disable|log_file|name|node_.*|pid_file": METRICS,
        r"(uni_)?websocket_.*|shutdown_.*|gomaxprocs": TUNING,
        r"sockjs_handler_prefix|(admin|api)_external|admin|admin_web_.*|swagger|grpc_api_(reflection|max_receive_message_size)"
        r"|sockjs|sockjs_url": PAGES,
        r"(namespaces\[\]\.)?(allow_(history|presence)_for_subscriber|allow_positioning|allow_recovery|force_positioning"
        r"|join_leave|force_push_join_leave|delta_publish)": SUBSCRIBERS,
        r"(namespaces\[\]\.)?(proxy_cache_empty|cache_empty_proxy_name|proxy_stream_subscribe"
        r"|proxy_subscribe_stream_bidirectional)|proxy_subscribe_stream_timeout": OTHER_PROXIES,
        r"channel_max_length|client_connection_limit|client_channel_limit": FEWER,
        r"channel_user_(boundary|separator)": "used only with user-limited channels, and a rule reports these",
        r"disallow_anonymous_connection_tokens": TOKENS,
        r"client_(expired_close_delay|expired_sub_close_delay|presence_update_interval)": DELAYS,
        r"client_(queue_max_size|concurrency|channel_position_check_delay|channel_position_max_time_lag|connect_include_server_time"
        r"|(history|recovery)_max_publication_limit)|rpc_ping.*|.*_connect_code_to_.*": CLIENTS,
        r"enable_unreleased_features": "it enables other options, and rules check these",
    },
}
