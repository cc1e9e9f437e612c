"""Linkerd's names: labels, annotations, headers, ports, objects, identities."""

LINKERD_NAMESPACE = "linkerd"
VIZ_NAMESPACE = "linkerd-viz"
CLUSTER_DOMAIN = "cluster.local"
REGISTRY = "ghcr.io/linkerd-py"

# Ports (Linkerd's defaults).
PORT_OUTBOUND = 4140
PORT_INBOUND = 4143
PORT_TAP = 4190
PORT_ADMIN = 4191
PORT_IDENTITY = 8080
PORT_DESTINATION = 8086
PORT_INJECTOR = 8443
PORT_VIZ_METRICS_API = 8085
PORT_SERVICE_ADMIN = 9990
"""Admin port (live, ready, metrics) of every control plane service; each runs in a pod of its own."""
PORT_SERVICE_DEBUG = 9991
"""Loopback only: pages for people, reached by port-forward (destination's /v1/outbound, viz's API)."""
PROXY_UID = 2102
DEFAULT_OPAQUE_PORTS = "25,587,3306,4444,5432,6379,9300,11211"
DEFAULT_SKIP_PORTS = "4567,4568"

# Labels and annotations.
ANNOTATION_INJECT = "linkerd.io/inject"
ANNOTATION_CREATED_BY = "linkerd.io/created-by"
ANNOTATION_PROXY_VERSION = "linkerd.io/proxy-version"
ANNOTATION_TRUST_ROOT_SHA256 = "linkerd.io/trust-root-sha256"
CONFIG_PREFIX = "config.linkerd.io/"
ANNOTATION_OPAQUE_PORTS = "config.linkerd.io/opaque-ports"
ANNOTATION_SKIP_INBOUND_PORTS = "config.linkerd.io/skip-inbound-ports"
ANNOTATION_DEFAULT_INBOUND_POLICY = "config.linkerd.io/default-inbound-policy"
LABEL_CONTROL_PLANE_NS = "linkerd.io/control-plane-ns"
LABEL_CONTROL_PLANE_COMPONENT = "linkerd.io/control-plane-component"
LABEL_WORKLOAD_NS = "linkerd.io/workload-ns"
LABEL_PROXY_PREFIX = "linkerd.io/proxy-"
LABEL_EXTENSION = "linkerd.io/extension"
LABEL_ADMISSION_WEBHOOKS = "config.linkerd.io/admission-webhooks"

# Containers and volumes of a meshed pod.
PROXY_CONTAINER = "linkerd-proxy"
INIT_CONTAINER = "linkerd-init"
VALIDATOR_CONTAINER = "linkerd-network-validator"
IDENTITY_VOLUME = "linkerd-identity-end-entity"
TOKEN_VOLUME = "linkerd-identity-token"  # noqa: S105 - a volume's name
XTABLES_VOLUME = "linkerd-proxy-init-xtables-lock"
IDENTITY_DIR = "/var/run/linkerd/identity/end-entity"
TOKEN_DIR = "/var/run/secrets/tokens"  # noqa: S105 - a mount path
TOKEN_FILE = "/var/run/secrets/tokens/linkerd-identity-token"  # noqa: S105 - a path
TRUST_ROOTS_CONFIG_MAP = "linkerd-identity-trust-roots"
TRUST_ROOTS_KEY = "ca-bundle.crt"
ISSUER_SECRET = "linkerd-identity-issuer"  # noqa: S105 - an object's name
ANCHOR_SECRET = "linkerd-identity-trust-anchor"  # noqa: S105 - an object's name
CONFIG_MAP = "linkerd-config"

# ALPN between two proxies.
ALPN_H2 = "h2"
ALPN_OPAQUE = "linkerd-tcp/1"

# Headers between app, proxy and proxy (lower case, as on the wire of HTTP/2).
L5D_DST_CANONICAL = b"l5d-dst-canonical"
L5D_CLIENT_ID = b"l5d-client-id"
L5D_REQUIRE_ID = b"l5d-require-id"
L5D_DST_OVERRIDE = b"l5d-dst-override"
L5D_PROXY_ERROR = b"l5d-proxy-error"
L5D_PROXY_CONNECTION = b"l5d-proxy-connection"
L5D_ORIG_PROTO = b"l5d-orig-proto"


def identity_name(
    service_account: str,
    namespace: str,
    control_plane_namespace: str = LINKERD_NAMESPACE,
    trust_domain: str = CLUSTER_DOMAIN,
) -> str:
    """A workload's TLS name: SA.NS.serviceaccount.identity.CPNS.TRUSTDOMAIN (Linkerd)."""
    return f"{service_account}.{namespace}.serviceaccount.identity.{control_plane_namespace}.{trust_domain}"


def issuer_name(control_plane_namespace: str = LINKERD_NAMESPACE, trust_domain: str = CLUSTER_DOMAIN) -> str:
    """The issuer's common name: identity.CPNS.TRUSTDOMAIN (Linkerd)."""
    return f"identity.{control_plane_namespace}.{trust_domain}"
