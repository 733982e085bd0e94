"""Configurations with which a major version of Centrifugo starts, and others that it refuses, for test_start.py."""

from typing import Any, Final

Configs = list[dict[str, Any]]
SHARED_POLL: Final = {"shared_poll": {"hmac_secret_key": "x"}}


def polled(**options: Any) -> dict[str, Any]:
    """A namespace of the type shared_poll with these options, and its proxy."""
    return {
        "namespaces": [{"name": "aa", "subscription_type": "shared_poll", "shared_poll": options}],
        "proxy": {"shared_poll_refresh": {"endpoint": "http://x"}},
    }


STARTS_BY_V5: Final[Configs] = [
    {"client_channel_limit": "many"},
    {"client_channel_limit": [1]},
    {"client_channel_limit": {"a": 1}},
    {"allowed_origins": {"a": 1}},
    {"allowed_origins": "https://a https://b"},
    {"client_insecure": "yes"},
    {"client_insecure": {"enabled": True}},
    {"admin": {"enabled": True}},
    {"api_key": {"a": 1}},
    {"namespaces": [{"name": "aa", "history_size": "5", "history_ttl": "1m"}]},
    {"namespaces": [{"name": "aa", "history_size": 5, "history_ttl": 60}]},
    {"namespaces": [{"name": "aa", "history_size": 5, "history_ttl": "1.5s"}]},
    {"namespaces": [{"name": "aa", "presence": "true"}]},
    {"namespaces": [{"name": "aa", "presence": 1}]},
    {"namespaces": [{"name": "aa", "subscribe_proxy_name": "xx"}]},
    {"proxies": [{"name": "xx"}]},
    {"proxy_static_http_headers": '{"a":"b"}'},
    {"log_level": "foo"},
    {"sse": "yes"},
    {"grpc_api_port": "99999"},
    {"history_ttl": "0s", "history_size": 0},
    {"history_ttl": None},
    {"proxy_connect_endpoint": "http://x", "proxy_connect_timeout": "0s"},
    {"proxy_connect_endpoint": "http://x", "proxy_connect_timeout": None},
    {"uni_sse_connect_code_to_http_response": {"enabled": True, "transforms": [{"code": 0}]}},
    {"shutdown_timeout": "1 minute"},
    {"port": 9000},
    {"namespaces": '[{"name":"aa"}]'},
    {"proxy_http_headers": {"a": 1}},
    {"graphite_interval": "1d"},
    {"redis_connect_timeout": "1d"},
    {"global_presence_ttl": "7d"},
    {"nats_tls": {"enabled": True}},
    {"uni_websocket_write_timeout": "1d"},
    {"granular_proxy_mode": True, "proxy_connect_timeout": "7d", "proxy_static_http_headers": "x"},
    {"granular_proxy_mode": True, "proxy_http_status_code_transforms": [{"status_code": 401}]},
    {"granular_proxy_mode": True, "proxy_subscribe_stream_endpoint": "http://x"},
    {"api_error_mode": "foo", "api_disable": True},
    {"grpc_api_error_mode": "foo"},
    {"subscription_token_user_id_claim": "a-b"},
    {"proxy_static_http_headers": {"X-Key": None}},
    {
        "granular_proxy_mode": True,
        "proxies": [{"name": "xx", "endpoint": "http://x", "static_http_headers": {"X-Key": None, "X-Number": 1}}],
    },
    {
        "granular_proxy_mode": True,
        "proxies": [{"name": "xx", "endpoint": "http://x", "static_http_headers": [{"X-Key": "a"}, None]}],
    },
]

REFUSED_BY_V5: Final[Configs] = [
    {"client_stale_close_delay": "7d"},
    {"client_stale_close_delay": ""},
    {"client_stale_close_delay": 10},
    {"client_stale_close_delay": 10000000},
    {"client_stale_close_delay": "10us"},
    {"engine": {"type": "redis"}},
    {"namespaces": {"name": "aa"}},
    {"namespaces": "aa"},
    {"namespaces": [1]},
    {"namespaces": [{"name": "aa", "history_size": "x"}]},
    {"namespaces": [{"name": "aa", "history_size": 5, "history_ttl": "1d"}]},
    {"namespaces": [{"name": "aa", "presence": "yes"}]},
    {"namespaces": [{"name": "aa", "history_size": 5}]},
    {"history_size": 5},
    {"history_size": 5, "history_ttl": "500ms"},
    {"namespaces": [{"name": "a"}]},
    {"namespaces": [{"name": "aa"}, {"name": "aa"}]},
    {"granular_proxy_mode": True, "namespaces": [{"name": "aa", "subscribe_proxy_name": "xx"}]},
    {"granular_proxy_mode": True, "connect_proxy_name": "xx"},
    {"granular_proxy_mode": True, "proxies": [{"name": "x", "endpoint": "http://x"}]},
    {"granular_proxy_mode": True, "proxies": [{"name": "xx"}]},
    {"granular_proxy_mode": True, "proxies": [{"name": "xx", "endpoint": "http://x", "timeout": "3"}]},
    {
        "granular_proxy_mode": True,
        "proxies": [{"name": "xx", "endpoint": "http://x"}, {"name": "xx", "endpoint": "http://x"}],
    },
    {"proxy_static_http_headers": "x"},
    {"proxy_static_http_headers": {"a": 1}},
    {"proxy_http_status_code_transforms": [{"status_code": 401}]},
    {"ping_interval": "5s"},
    {"engine": "foo"},
    {"broker": "foo"},
    {"api_error_mode": "foo"},
    {"token_rsa_public_key": "x"},
    {"token_jwks_public_endpoint": "x"},
    {"token_user_id_claim": "a-b"},
    {"user_subscribe_to_personal": True, "user_personal_channel_namespace": "zz"},
    {"user_personal_single_connection": True},
    {"user_subscribe_to_personal": True, "user_personal_single_connection": True},
    {"webtransport": True},
    {"channel_regex": "(?=x)"},
    {"force_recovery": True},
    {"force_recovery_mode": "x"},
    {"allowed_delta_types": ["x"]},
    {"proxy_subscribe_stream_endpoint": "http://x"},
    {"consumers": [{"name": "x", "type": "foo"}]},
    {"consumers": [{"name": "xx", "type": "foo"}]},
    {"websocket_write_timeout": "5"},
    {"namespaces": '[{"name":"aa","history_size":1}]'},
    {"rpc_namespaces": [{"name": "a"}]},
    {"granular_proxy_mode": "true", "rpc_proxy_name": "zz"},
    {"global_history_meta_ttl": "1s", "history_size": 1, "history_ttl": "5m"},
    {"client_presence_update_interval": "1d"},
    {"client_presence_update_interval": "3000000h"},
    {"grpc_api": True, "grpc_api_port": "99999"},
    {"engine": "redis", "redis_address": "redis"},
    {"channel_regex": "["},
    {"uni_websocket": True, "uni_websocket_write_timeout": "1d"},
    {"granular_proxy_mode": True, "namespaces": [{"name": "aa", "subscribe_stream_proxy_name": "zz"}]},
    {"health": True, "health_handler_prefix": "health"},
    {"prometheus": True, "prometheus_handler_prefix": "/api/"},
    {"admin": True, "health": True, "health_handler_prefix": ""},
    {
        "prometheus": True,
        "prometheus_handler_prefix": "/connection/websocket",
        "address": "127.0.0.1",
        "internal_address": "127.0.0.1",
    },
    {"grpc_api": True, "grpc_api_error_mode": "foo", "grpc_api_port": 0, "grpc_api_address": "127.0.0.1"},
    {"proxy_static_http_headers": []},
    {
        "granular_proxy_mode": True,
        "proxies": [{"name": "xx", "endpoint": "http://x", "static_http_headers": ["X-Key"]}],
    },
    {"client_stale_close_delay": True},
    {"namespaces": [{"name": "aa", "history_size": "1__0", "history_ttl": "1m"}]},
]

STARTS_BY_V6: Final[Configs] = [
    {"client": {"stale_close_delay": 10}},
    {"client": {"channel_limit": ""}},
    {"client": {"channel_limit": "12"}},
    {"client": {"channel_limit": 1.5}},
    {"client": {"channel_limit": True}},
    {"client": None},
    {"client": {"token": {"hmac_secret_key": 5}}},
    {"client": {"allowed_origins": "https://a https://b"}},
    {"client": {"allowed_origins": [1]}},
    {"client": {"insecure": 2}},
    {"channel": {"namespaces": {"name": "aa"}}},
    {"log": {"level": "foo"}},
    {"http_server": {"internal_port": 5}},
    {"grpc_api": {"port": 99999}},
    {"client": {"ping_interval": "0s"}},
    {"client": {"token": {"hmac_secret_key": "${FOO}"}}},
    {"channel": {"namespaces": [{"name": "aa", "channel_regex": "(?i)a\\z"}]}},
    {
        "channel": {
            "namespaces": [
                {"name": "ranges", "channel_regex": r"^[\w-.]+$"},
                {"name": "classes", "channel_regex": "[[:alpha:]]"},
                {"name": "ungreedy", "channel_regex": "(?U)a+"},
                {"name": "two-flags", "channel_regex": "(?iU)a+"},
                {"name": "flags-off", "channel_regex": "(?-s)a."},
                {"name": "groups", "channel_regex": "(?<id>[a-z]+)"},
                {"name": "code-points", "channel_regex": r"\x{41}"},
                {"name": "backslashes", "channel_regex": r"a\\1"},
                {"name": "octal-digits", "channel_regex": r"\12\101"},
                {"name": "same-names", "channel_regex": "(?P<id>a)|(?P<id>b)"},
                {"name": "parentheses", "channel_regex": r"\(?a\)?"},
            ]
        }
    },
    {
        "channel": {
            "namespaces": [{"name": "aa", "subscription_type": "map", "map": {"mode": "ephemeral", "key_ttl": "5s"}}]
        }
    },
    {"proxies": [{"name": "aa", "endpoint": "http://x", "timeout": "0s"}]},
    {"rpc": {"without_namespace": {"proxy_enabled": True}}},
    {"client": {"proxy": {"connect": {"enabled": True, "endpoint": "http://x", "timeout": "0s"}}}},
    {"client": {"proxy": {"connect": {"enabled": True, "endpoint": "http://x", "timeout": 0}}}},
    {"client": {"subscription_token": {"rsa_public_key": "x"}}},
    {"consumers": [{"name": "xx", "type": "kafka"}]},
    {"presence_manager": {"type": "foo"}},
    {"engine": {"type": "memory"}},
    {"grpc_api": {"enabled": True, "tls": {"enabled": True, "cert_pem": "nope"}}},
    {
        "channel": {
            "namespaces": [{"name": "aa", "subscription_type": "shared_poll"}],
            "proxy": {"shared_poll_refresh": {"endpoint": "http://x"}},
        },
        "shared_poll": {"hmac_secret_key": "x"},
    },
    {
        "channel": {
            "namespaces": [{"name": "aa", "map": {"remove_proxy_enabled": True}}],
            "proxy": {"map_remove": {"endpoint": "http://x"}},
        }
    },
    {
        "channel": {
            "namespaces": [{"name": "aa", "subscribe_stream_proxy_enabled": True}],
            "proxy": {"subscribe_stream": {"endpoint": "grpc://x"}},
        }
    },
    {
        "channel": {
            "namespaces": [{"name": "aa", "subscribe_proxy_enabled": True, "subscribe_proxy_name": ""}],
            "proxy": {"subscribe": {"endpoint": "http://x"}},
        }
    },
    {"engine": {"redis": {"address": "localhost:6379"}}},
    {"channel": {"namespaces": [{"name": "aa", "shared_poll": {"proxy_name": "zz", "mode": "foo"}}]}},
    {**SHARED_POLL, "channel": polled(proxy_name="default", mode="versioned", publish_enabled=True)},
    {"health": {"handler_prefix": "health"}},
    {"health": {"enabled": True, "handler_prefix": "/a//b/"}},
    {"websocket": {"handler_prefix": "/ws/{id}"}},
    {"prometheus": {"enabled": True, "handler_prefix": "/connection/websocket"}, "http_server": {"internal_port": "0"}},
    {"admin": {"enabled": True}, "swagger": {"enabled": True}, "health": {"enabled": True, "handler_prefix": ""}},
    {"http_api": {"error_mode": "foo", "disabled": True}},
    {"engine": {"type": "foo"}, "broker": {"enabled": True}, "presence_manager": {"enabled": True}},
    {"engine": {"type": ""}, "broker": {"type": ""}, "map_broker": {"type": ""}},
    {"presence_manager": {"enabled": True, "type": ""}},
    {"client": {"proxy": {"connect": {"http": {"static_headers": {"X-Key": None}}}}}},
    {"client": {"channel_limit": "-0x_f", "queue_max_size": "0_17"}},
]

REFUSED_BY_V6: Final[Configs] = [
    {"grpc_api": {"enabled": True, "port": 99999}},
    {"engine": {"type": "redis", "redis": {"address": "redis"}}},
    {"engine": {"type": "redis", "redis": {"address": "127.0.0.1:6379,127.0.0.1:6380"}}},
    {"engine": {"type": "redis", "redis": {"address": "127.0.0.1:6379 127.0.0.1:6380"}}},
    {"rpc": {"proxy": {"timeout": "1h-5m"}}},
    {"client": {"presence_update_interval": "3000000h"}},
    {"client": {"stale_close_delay": "7d"}},
    {"client": {"stale_close_delay": ""}},
    {"client": {"stale_close_delay": "10"}},
    {"client": {"channel_limit": "many"}},
    {"client": {"channel_limit": [1]}},
    {"client": "x"},
    {"client": []},
    {"client": [{"channel_limit": 1}]},
    {"client": ""},
    {"admin": True},
    {"engine": "redis"},
    {"client": {"token": {"hmac_secret_key": {"a": 1}}}},
    {"client": {"token": {"hmac_secret_key": ["a"]}}},
    {"client": {"allowed_origins": {"a": 1}}},
    {"client": {"insecure": "yes"}},
    {"client": {"insecure": ["x"]}},
    {"client": {"insecure": {}}},
    {"channel": {"namespaces": "aa"}},
    {"channel": {"namespaces": [1]}},
    {"channel": {"namespaces": ["aa"]}},
    {"client": {"proxy": {"connect": {"enabled": True, "endpoint": "http://x", "http": {"static_headers": "x"}}}}},
    {"client": {"proxy": {"connect": {"enabled": True, "endpoint": "http://x", "http": {"static_headers": {"a": 1}}}}}},
    {"client": {"ping_interval": "5s"}},
    {"engine": {"type": "foo"}},
    {"broker": {"enabled": True, "type": "foo"}},
    {"grpc_api": {"error_mode": "foo", "enabled": True, "port": 0, "address": "127.0.0.1"}},
    {"http_api": {"error_mode": "foo"}},
    {"client": {"token": {"rsa_public_key": "x"}}},
    {"client": {"token": {"jwks_public_endpoint": "x"}}},
    {"webtransport": {"enabled": True}},
    {"uni_sse": {"connect_code_to_http_response": {"transforms": [{"code": 0}]}}},
    {"channel": {"namespaces": [{"name": "aa", "history_size": 5}]}},
    {"channel": {"without_namespace": {"history_ttl": "5m"}}},
    {"channel": {"namespaces": [{"name": "aa", "history_size": 5, "history_ttl": "1000h"}]}},
    {"channel": {"namespaces": [{"name": "aa", "history_size": 5, "history_ttl": "1.5s"}]}},
    {"channel": {"history_meta_ttl": "1.5s"}},
    {"channel": {"namespaces": [{"name": "aa", "force_recovery": True}]}},
    {"channel": {"namespaces": [{"name": "aa", "auto_cache_recover": True}]}},
    {"channel": {"namespaces": [{"name": "aa", "channel_regex": "a(?!b)"}]}},
    {"channel": {"namespaces": [{"name": "aa", "channel_regex": "(?P<id>a)(?P=id)"}]}},
    {"channel": {"namespaces": [{"name": "aa", "channel_regex": "(?x)a"}]}},
    {"channel": {"namespaces": [{"name": "aa", "channel_regex": r"\u0041"}]}},
    {"channel": {"namespaces": [{"name": "aa", "channel_regex": "["}]}},
    {"channel": {"namespaces": [{"name": "aa", "subscribe_proxy_name": "zz"}]}},
    {"channel": {"namespaces": [{"name": "aa", "subscribe_proxy_enabled": True}]}},
    {
        "channel": {
            "namespaces": [{"name": "aa", "subscribe_stream_proxy_enabled": True, "subscribe_proxy_enabled": True}],
            "proxy": {"subscribe": {"endpoint": "http://x"}, "subscribe_stream": {"endpoint": "grpc://x:1"}},
        }
    },
    {"channel": {"namespaces": [{"name": "a"}]}},
    {"channel": {"namespaces": [{"name": "aa"}, {"name": "aa"}]}},
    {"channel": {"namespaces": [{"name": "aa", "subscription_type": "map"}]}},
    {"channel": {"namespaces": [{"name": "aa", "subscription_type": "map", "map": {"mode": "ephemeral"}}]}},
    {"channel": {"namespaces": [{"name": "aa", "subscription_type": "shared_poll"}]}},
    {"channel": {"namespaces": [{"name": "aa", "subscription_type": "foo"}]}},
    {"channel": {"namespaces": [{"name": "aa", "map": {"client_key": "foo"}}]}},
    {"channel": {"namespaces": [{"name": "aa", "allowed_delta_types": ["foo"]}]}},
    {"channel": {"namespaces": [{"name": "aa", "allowed_delta_types": "fossil fossil"}]}},
    {"channel": {"namespaces": [{"name": "aa", "force_recovery_mode": "foo"}]}},
    {"channel": {"publication_data_format": "foo"}},
    {"proxies": [{"name": "aa"}]},
    {"proxies": [{"name": "aa", "endpoint": "http://x"}, {"name": "aa", "endpoint": "http://x"}]},
    {"proxies": [{"name": "a", "endpoint": "http://x"}]},
    {"proxies": [{"name": "default", "endpoint": "http://x"}]},
    {
        "proxies": [
            {"name": "aa", "endpoint": "http://x", "http": {"status_to_code_transforms": [{"status_code": 401}]}}
        ]
    },
    {"rpc": {"namespaces": [{"name": "aa", "proxy_name": "zz"}]}},
    {"rpc": {"namespaces": [{"name": "a"}]}},
    {"client": {"proxy": {"connect": {"enabled": True}}}},
    {
        "client": {
            "proxy": {
                "connect": {
                    "enabled": True,
                    "endpoint": "http://x",
                    "http": {
                        "status_to_code_transforms": [
                            {"status_code": 401, "to_disconnect": {"code": 4401, "reason": "é"}}
                        ]
                    },
                }
            }
        }
    },
    {
        "client": {
            "proxy": {
                "connect": {
                    "enabled": True,
                    "endpoint": "http://x",
                    "http": {
                        "status_to_code_transforms": [
                            {"status_code": 401, "to_disconnect": {"code": 4401}, "to_error": {"code": 5}}
                        ]
                    },
                }
            }
        }
    },
    {"client": {"subscribe_to_user_personal_channel": {"enabled": True, "personal_channel_namespace": "zz"}}},
    {"client": {"subscribe_to_user_personal_channel": {"enabled": True, "single_connection": True}}},
    {"client": {"subscribe_to_user_personal_channel": {"single_connection": True}}},
    {"client": {"token": {"user_id_claim": "a-b"}}},
    {"consumers": [{"name": "x", "type": "kafka"}]},
    {"consumers": [{"name": "xx", "type": "foo"}]},
    {"consumers": [{"name": "xx", "type": "kafka", "enabled": True}]},
    {"http_server": {"h2c_external": True}},
    {"broker": {"type": "foo"}},
    {"map_broker": {"type": "foo"}},
    {"presence_manager": {"type": "foo", "enabled": True}},
    {"map_broker": {"type": "foo", "enabled": True}},
    {"controller": {"type": "foo", "enabled": True}},
    {"client": {"ping_interval": "-1s"}},
    {"client": {"ping_interval": "-1s", "pong_timeout": "-1s"}},
    {"channel": {"namespaces": ""}},
    {"client": {"connect_code_to_unidirectional_disconnect": {"transforms": [{"code": 0}]}}},
    {"channel": {"namespaces": [{"name": "aa", "map_clients_presence_channel_prefix": "zz:"}]}},
    {"client": {"token": {"audience_regex": "(?!x)"}}},
    {"client": {"token": {"audience": "a", "audience_regex": "b"}}},
    {
        "channel": {"namespaces": [{"name": "aa", "subscription_type": "shared_poll"}]},
        "shared_poll": {"hmac_secret_key": "x"},
    },
    {"channel": {"namespaces": [{"name": "aa", "map": {"publish_proxy_enabled": True}}]}},
    {"channel": {"namespaces": [{"name": "aa", "subscribe_stream_proxy_enabled": True}]}},
    {
        "channel": {
            "namespaces": [{"name": "aa", "subscribe_stream_proxy_enabled": True}],
            "proxy": {"subscribe_stream": {"endpoint": "http://x"}},
        }
    },
    {"channel": {"without_namespace": {"publish_proxy_enabled": True}}},
    {
        "channel": {
            "namespaces": [{"name": "aa", "map": {"client_key": "user_id", "publish_proxy_enabled": True}}],
            "proxy": {"map_publish": {"endpoint": "http://x"}},
        }
    },
    {
        "channel": {
            "namespaces": [
                {
                    "name": "aa",
                    "subscription_type": "map",
                    "map": {"mode": "recoverable", "key_ttl": "5s", "meta_ttl": "1s"},
                }
            ]
        }
    },
    {
        "channel": {
            "namespaces": [
                {
                    "name": "aa",
                    "subscription_type": "map",
                    "map": {"mode": "ephemeral", "key_ttl": "5s", "stream_size": 5},
                }
            ]
        }
    },
    {"channel": {"namespaces": [{"name": "aa", "map": {"min_page_size": 9, "max_page_size": 2}}]}},
    {"client": {"proxy": {"refresh": {"enabled": True}}}},
    {"uni_grpc": {"enabled": True, "port": "x"}},
    {"websocket": {"write_timeout": "5"}},
    {"channel": {"namespaces": [{"name": "aa", "presence": "on"}]}},
    {"shutdown": {"timeout": "1 minute"}},
    {"channel": {"namespaces": [{"name": "aa", "map": {"publish_proxy_name": "zz"}}]}},
    {"channel": {"without_namespace": {"map": {"remove_proxy_name": "zz"}}}},
    {"channel": {"namespaces": [{"name": "aa", "subscribe_stream_proxy_name": "zz"}]}},
    {"rpc": {"without_namespace": {"proxy_name": "zz"}}},
    {**SHARED_POLL, "channel": polled(proxy_name="zz")},
    {**SHARED_POLL, "channel": polled(mode="foo")},
    {**SHARED_POLL, "channel": polled(publish_enabled=True)},
    {"health": {"enabled": True, "handler_prefix": "health"}},
    {"prometheus": {"enabled": True, "handler_prefix": "/api"}},
    {"websocket": {"handler_prefix": "/ws/{id}x"}},
    {"sse": {"enabled": True, "handler_prefix": "/connection/websocket/"}},
    {"admin": {"enabled": True}, "websocket": {"handler_prefix": "/"}},
    {
        "prometheus": {"enabled": True, "handler_prefix": "/connection/websocket"},
        "http_server": {"address": "127.0.0.1", "internal_address": "127.0.0.1"},
    },
    {"client": {"ping_interval": 0, "pong_timeout": "30s"}},
    {"client": {"ping_interval": "5s", "pong_timeout": 0}},
    {"client": {"subscription_token": {"user_id_claim": "a-b"}}},
    {
        "client": {
            "connect_code_to_unidirectional_disconnect": {"transforms": [{"code": 1, "to": {"code": 1, "reason": "é"}}]}
        }
    },
    {"proxies": [{"name": "xx", "endpoint": "http://x", "http": {"static_headers": {"X-Key": None}}}]},
    {"client": {"proxy": {"connect": {"http": {"static_headers": [{"value": "a"}]}}}}},
    {"client": {"channel_limit": "1__0"}},
    {"client": {"channel_limit": "9223372036854775808"}},
]
