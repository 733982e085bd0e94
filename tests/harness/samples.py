"""Samples of /metrics that several tests read."""

CANCELLED = 'realtime_centrifugo_connect_total{outcome="cancelled"}'
CONSUMED = 'realtime_centrifugo_connect_total{outcome="fallback_pool_consumed"}'
OVERLOADED = 'realtime_proxy_requests_total{outcome="overloaded",type="connect"}'
