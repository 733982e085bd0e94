"""Django's settings: the environment variables of the service and of the bridge.

docs/reference.md explains them. The system checks look for values that contradict each other. The image's health check
reads the listening addresses itself, without these settings.
"""

import os

from centrifugo_proxy.events.description import ALWAYS_SHOWN, INFO_FIELDS
from centrifugo_proxy.peers.spiffe import ids
from centrifugo_proxy.protocol.codes import INVALID_TICKET, ResponseMode, default_unavailable
from fallback.claims.claims import OnError
from realtime_site import logs
from realtime_site.variables import trace_options as otel
from realtime_site.variables.env import Environment
from realtime_site.variables.foreign import misspelt, take_out_library_variables
from realtime_site.variables.hosts import allowed_hosts
from realtime_site.variables.listening import read_bridge_listening, read_listening

env = Environment()

DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = env.value("ALLOWED_HOSTS", "*", allowed_hosts)
LOG_LEVEL = env.one_of("LOG_LEVEL", "info", logs.LEVELS)
LISTEN_HOST, LISTEN_PORT = read_listening(env)

IDENTITY_VALIDATE_GRPC_ADDRESS = env.grpc_target("IDENTITY_VALIDATE_GRPC_ADDRESS", "localhost:50051")
IDENTITY_VALIDATE_NEGOTIATION_TYPE = env.one_of(
    "IDENTITY_VALIDATE_NEGOTIATION_TYPE", "plaintext", ("plaintext", "tls", "spiffe")
)
IDENTITY_TLS_CA_FILE = env.path("IDENTITY_TLS_CA_FILE")
IDENTITY_TLS_CERT_FILE = env.path("IDENTITY_TLS_CERT_FILE")
IDENTITY_TLS_KEY_FILE = env.path("IDENTITY_TLS_KEY_FILE")
IDENTITY_TLS_SERVER_NAME = env.optional_host("IDENTITY_TLS_SERVER_NAME")
IDENTITY_SPIFFE_ID = env.value("IDENTITY_SPIFFE_ID", "", ids.workload_ids)
SPIFFE_ENDPOINT_SOCKET = env.value("SPIFFE_ENDPOINT_SOCKET", "", ids.endpoint_socket)
SPIFFE_ID = env.value("SPIFFE_ID", "", ids.workload_id_or_unset)
SPIFFE_STARTUP = env.one_of("SPIFFE_STARTUP", "continue", ("continue", "require"))
SPIFFE_STARTUP_WAIT_S = env.integer("SPIFFE_STARTUP_WAIT_S", 10, 0, 120)
IDENTITY_VALIDATE_DEADLINE_MS = env.integer("IDENTITY_VALIDATE_DEADLINE_MS", 2500, 1, 60000)
IDENTITY_PROBE_INTERVAL_MS = env.integer_or_zero("IDENTITY_PROBE_INTERVAL_MS", 1000, 100, 60000)

OTEL_SDK_DISABLED = env.one_of("OTEL_SDK_DISABLED", "false", ("true", "false"))
OTEL_TRACES_EXPORTER = env.one_of("OTEL_TRACES_EXPORTER", "otlp", ("otlp", "none"))
OTEL_EXPORTER_OTLP_ENDPOINT = env.http_url(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "http://localhost:4318/v1/traces",
    "a whole URL such as http://localhost:4318/v1/traces, or empty to export no traces",
)
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = env.http_url(
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "",
    "a whole URL such as http://localhost:4318/v1/traces, or empty to use OTEL_EXPORTER_OTLP_ENDPOINT",
)
OTEL_EXPORTER_OTLP_PROTOCOL = env.value("OTEL_EXPORTER_OTLP_PROTOCOL", "", otel.protocol)
OTEL_EXPORTER_OTLP_TRACES_PROTOCOL = env.value("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "", otel.protocol)
OTEL_EXPORTER_OTLP_HEADERS = env.secret_value("OTEL_EXPORTER_OTLP_HEADERS", otel.headers)
OTEL_EXPORTER_OTLP_TRACES_HEADERS = env.secret_value("OTEL_EXPORTER_OTLP_TRACES_HEADERS", otel.headers)
OTEL_EXPORTER_OTLP_TIMEOUT = env.integer("OTEL_EXPORTER_OTLP_TIMEOUT", 3000, 1, 60000)
OTEL_EXPORTER_OTLP_TRACES_TIMEOUT = env.value("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "", otel.timeout_or_unset)
OTEL_EXPORTER_OTLP_COMPRESSION = env.value("OTEL_EXPORTER_OTLP_COMPRESSION", "", otel.compression_or_unset)
OTEL_EXPORTER_OTLP_TRACES_COMPRESSION = env.value(
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "", otel.compression_or_unset
)
OTEL_EXPORTER_OTLP_CERTIFICATE = env.path("OTEL_EXPORTER_OTLP_CERTIFICATE")
OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE = env.path("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE")
OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE = env.path("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE")
OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE = env.path("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE")
OTEL_EXPORTER_OTLP_CLIENT_KEY = env.path("OTEL_EXPORTER_OTLP_CLIENT_KEY")
OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY = env.path("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY")
OTEL_BSP_SCHEDULE_DELAY = env.integer("OTEL_BSP_SCHEDULE_DELAY", 5000, 1, 60000)
OTEL_SERVICE_NAME = env.value("OTEL_SERVICE_NAME", otel.SERVICE_NAME, str)
OTEL_TRACES_SAMPLER = env.one_of("OTEL_TRACES_SAMPLER", "parentbased_traceidratio", otel.SAMPLERS)
OTEL_TRACES_SAMPLER_ARG = env.ratio("OTEL_TRACES_SAMPLER_ARG", "1.0")

CENTRIFUGO_PROXY_SECRET = env.secret("CENTRIFUGO_PROXY_SECRET")
CENTRIFUGO_PROXY_SECRET_FILE = env.path("CENTRIFUGO_PROXY_SECRET_FILE")
CENTRIFUGO_PROXY_SECRET_PREVIOUS = env.secret("CENTRIFUGO_PROXY_SECRET_PREVIOUS")
CENTRIFUGO_PROXY_SECRET_PREVIOUS_FILE = env.path("CENTRIFUGO_PROXY_SECRET_PREVIOUS_FILE")
CENTRIFUGO_PROXY_TOKEN = env.secret("CENTRIFUGO_PROXY_TOKEN")
CENTRIFUGO_PROXY_TOKEN_FILE = env.path("CENTRIFUGO_PROXY_TOKEN_FILE")
CENTRIFUGO_PROXY_TOKEN_PREVIOUS = env.secret("CENTRIFUGO_PROXY_TOKEN_PREVIOUS")
CENTRIFUGO_PROXY_TOKEN_PREVIOUS_FILE = env.path("CENTRIFUGO_PROXY_TOKEN_PREVIOUS_FILE")

CENTRIFUGO_RESPONSE_MODE = ResponseMode(env.one_of("CENTRIFUGO_RESPONSE_MODE", "http", ResponseMode))
CENTRIFUGO_INVALID_TICKET_CODE = env.integer("CENTRIFUGO_INVALID_TICKET_CODE", INVALID_TICKET, 4000, 4999)
CENTRIFUGO_UNAVAILABLE_CODE = env.integer(
    "CENTRIFUGO_UNAVAILABLE_CODE", default_unavailable(CENTRIFUGO_RESPONSE_MODE), 4000, 4999
)
CENTRIFUGO_REFRESH = env.one_of("CENTRIFUGO_REFRESH", "auto", ("auto", "on", "off"))
CENTRIFUGO_INFO_FIELDS = env.subset("CENTRIFUGO_INFO_FIELDS", INFO_FIELDS, ALWAYS_SHOWN)

FALLBACK_TICKETS_PATH = env.path("FALLBACK_TICKETS_PATH")
FALLBACK_DEGRADED_WINDOW_MS = env.integer("FALLBACK_DEGRADED_WINDOW_MS", 5000, 0, 86400000)
FALLBACK_LOW_WATERMARK = env.integer("FALLBACK_LOW_WATERMARK", 1000, 0)
FALLBACK_CONNECT_TTL_S = env.integer("FALLBACK_CONNECT_TTL_S", 300)
FALLBACK_CLAIMS_URL = env.secret("FALLBACK_CLAIMS_URL")
FALLBACK_CLAIMS_URL_FILE = env.path("FALLBACK_CLAIMS_URL_FILE")
FALLBACK_CLAIMS_DEADLINE_MS = env.integer("FALLBACK_CLAIMS_DEADLINE_MS", 250, 10, 5000)
FALLBACK_CLAIMS_ON_ERROR = env.one_of("FALLBACK_CLAIMS_ON_ERROR", "refuse", OnError)
FALLBACK_CLAIMS_PREFIX = env.name("FALLBACK_CLAIMS_PREFIX", "realtime-fallback")

CHANNEL_POLICY_PATH = env.text("CHANNEL_POLICY_PATH", "")
CHANNEL_SUBSCRIPTION_TTL_S = env.integer("CHANNEL_SUBSCRIPTION_TTL_S", 300, 0, 86400)
FAMILY_SERVICE_GRPC_ADDRESS = env.optional_grpc_target("FAMILY_SERVICE_GRPC_ADDRESS")
FAMILY_SERVICE_SPIFFE_ID = env.value("FAMILY_SERVICE_SPIFFE_ID", "", ids.workload_ids)
FAMILY_SERVICE_DEADLINE_MS = env.integer("FAMILY_SERVICE_DEADLINE_MS", 1000, 1, 60000)
RPC_BACKENDS = env.grpc_targets("RPC_BACKENDS")
RPC_BACKENDS_SPIFFE_IDS = env.value("RPC_BACKENDS_SPIFFE_IDS", "", ids.named_ids)
RPC_DEADLINE_MS = env.integer("RPC_DEADLINE_MS", 2500, 1, 60000)
RPC_MAX_INFLIGHT = env.integer("RPC_MAX_INFLIGHT", 100, 1, 100000)

PROXY_MAX_BODY_BYTES = env.integer("PROXY_MAX_BODY_BYTES", 65536, 1024, 16777216)
PROXY_MAX_INFLIGHT = env.integer_or_auto("PROXY_MAX_INFLIGHT", 1, 100000)

BRIDGE_ROUTES_PATH = env.text("BRIDGE_ROUTES_PATH", "")
BRIDGE_KAFKA_BROKERS = env.host_ports("BRIDGE_KAFKA_BROKERS", "localhost:9092")
BRIDGE_KAFKA_GROUP = env.text("BRIDGE_KAFKA_GROUP", "realtime-bridge")
BRIDGE_KAFKA_GROUP_PROTOCOL = env.one_of("BRIDGE_KAFKA_GROUP_PROTOCOL", "classic", ("classic", "consumer"))
BRIDGE_INSTANCE_ID = env.text("BRIDGE_INSTANCE_ID", "")
BRIDGE_KAFKA_SECURITY = env.one_of(
    "BRIDGE_KAFKA_SECURITY", "plaintext", ("plaintext", "tls", "sasl_plaintext", "sasl_tls")
)
BRIDGE_KAFKA_TLS_CA_FILE = env.path("BRIDGE_KAFKA_TLS_CA_FILE")
BRIDGE_KAFKA_TLS_CERT_FILE = env.path("BRIDGE_KAFKA_TLS_CERT_FILE")
BRIDGE_KAFKA_TLS_KEY_FILE = env.path("BRIDGE_KAFKA_TLS_KEY_FILE")
BRIDGE_KAFKA_SASL_MECHANISM = env.one_of(
    "BRIDGE_KAFKA_SASL_MECHANISM", "", ("plain", "scram-sha-256", "scram-sha-512", "")
).upper()
BRIDGE_KAFKA_SASL_USER = env.text("BRIDGE_KAFKA_SASL_USER", "")
BRIDGE_KAFKA_SASL_PASSWORD = env.secret("BRIDGE_KAFKA_SASL_PASSWORD")
BRIDGE_KAFKA_SASL_PASSWORD_FILE = env.path("BRIDGE_KAFKA_SASL_PASSWORD_FILE")
BRIDGE_KAFKA_CONFIG_PATH = env.path("BRIDGE_KAFKA_CONFIG_PATH")
BRIDGE_OFFSET_RESET = env.one_of("BRIDGE_OFFSET_RESET", "earliest", ("earliest", "latest", "fail"))
CENTRIFUGO_API_URL = env.http_url(
    "CENTRIFUGO_API_URL", "http://localhost:8000/api", "a whole URL such as http://localhost:8000/api"
)
CENTRIFUGO_API_TLS_CA_FILE = env.path("CENTRIFUGO_API_TLS_CA_FILE")
CENTRIFUGO_API_KEY = env.secret("CENTRIFUGO_API_KEY")
CENTRIFUGO_API_KEY_FILE = env.path("CENTRIFUGO_API_KEY_FILE")
BRIDGE_PUBLISH_TIMEOUT_MS = env.integer("BRIDGE_PUBLISH_TIMEOUT_MS", 5000, 100, 60000)
BRIDGE_REQUESTS = env.integer("BRIDGE_REQUESTS", 3, 1, 16)
BRIDGE_BATCH_MAX = env.integer("BRIDGE_BATCH_MAX", 256, 1, 1000)
BRIDGE_BATCH_BYTES = env.integer("BRIDGE_BATCH_BYTES", 524288, 65536, 16777216)
BRIDGE_BATCH_PARALLEL = env.flag("BRIDGE_BATCH_PARALLEL", default=True)
BRIDGE_PENDING_MAX = env.integer("BRIDGE_PENDING_MAX", 4000, 100, 1000000)
BRIDGE_PENDING_BYTES = env.integer("BRIDGE_PENDING_BYTES", 33554432, 1048576, 1073741824)
BRIDGE_WINDOW = env.integer("BRIDGE_WINDOW", 20000, 100, 10000000)
BRIDGE_COMMIT_INTERVAL_MS = env.integer("BRIDGE_COMMIT_INTERVAL_MS", 1000, 100, 60000)
BRIDGE_RETRY_MIN_MS = env.integer("BRIDGE_RETRY_MIN_MS", 100, 10, 60000)
BRIDGE_RETRY_MAX_MS = env.integer("BRIDGE_RETRY_MAX_MS", 5000, 100, 300000)
BRIDGE_MAX_ATTEMPTS = env.integer("BRIDGE_MAX_ATTEMPTS", 0, 0, 1000000)
BRIDGE_DRAIN_MS = env.integer("BRIDGE_DRAIN_MS", 5000, 0, 60000)
BRIDGE_DEAD_LETTER_TOPIC = env.topic("BRIDGE_DEAD_LETTER_TOPIC", "realtime.bridge.dead-letters")
BRIDGE_REPLAY_TOPIC = env.topic("BRIDGE_REPLAY_TOPIC", f"{BRIDGE_DEAD_LETTER_TOPIC}.replay".removeprefix(".replay"))
BRIDGE_DEAD_LETTER_MAX_CONSECUTIVE = env.integer("BRIDGE_DEAD_LETTER_MAX_CONSECUTIVE", 100, 0, 1000000)
BRIDGE_LAG_INTERVAL_MS = env.integer("BRIDGE_LAG_INTERVAL_MS", 10000, 1000, 600000)
BRIDGE_LISTEN_HOST, BRIDGE_LISTEN_PORT = read_bridge_listening(env)

env.finish()

# For the system checks and the log line at startup.
IGNORED_VARIABLES = take_out_library_variables(os.environ)
MISSPELT_VARIABLES = misspelt(os.environ, env.defaults)
EFFECTIVE_SETTINGS = env.effective
GIVEN_SETTINGS = {name: value for name, value in env.effective.items() if os.environ.get(name)}

INSTALLED_APPS = ["centrifugo_proxy", "fallback", "bridge", "realtime_site"]
MIDDLEWARE = ["realtime_site.serving.middleware.allowed_hosts"]
ROOT_URLCONF = "centrifugo_proxy.web.urls"
ASGI_APPLICATION = "realtime_site.asgi.application"
DATABASES: dict[str, dict[str, str]] = {}
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"  # Django's default would set the process to Chicago time
DATA_UPLOAD_MAX_MEMORY_SIZE = PROXY_MAX_BODY_BYTES
LOGGING = logs.configuration(LOG_LEVEL, human=os.isatty(1))
