"""Settings of tap, from the environment's mapping. Every bad value is reported at once (BadSettings)."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkerd_contract import names
from linkerd_runtime.settings import Addr, Reader


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    namespace: str
    """Of the control plane."""
    viz_namespace: str
    trust_domain: str
    identity: str
    """Our own name, the only one that proxies let tap them."""
    identity_addr: str
    identity_name: str
    identity_dir: str
    token_file: str
    listen: Addr
    """The aggregated API."""
    webhook: Addr
    """The webhook that makes new pods tappable."""
    admin: Addr
    tap_port: int
    """Of proxies."""
    certificate_life_ms: int
    """Of the certificate that the API server sees."""
    log_level: str
    log_format: str


def from_env(environ: Mapping[str, str]) -> Settings:
    """Raises BadSettings."""
    read = Reader(environ)
    namespace = read.text("LINKERD_NAMESPACE", names.LINKERD_NAMESPACE)
    viz_namespace = read.text("POD_NAMESPACE", names.VIZ_NAMESPACE)
    trust_domain = read.text("LINKERD_TRUST_DOMAIN", names.CLUSTER_DOMAIN)
    domain = read.text("LINKERD_CLUSTER_DOMAIN", names.CLUSTER_DOMAIN)
    settings = Settings(
        namespace=namespace,
        viz_namespace=viz_namespace,
        trust_domain=trust_domain,
        identity=names.identity_name("tap", viz_namespace, namespace, trust_domain),
        identity_addr=str(
            read.addr("LINKERD_IDENTITY_ADDR", f"linkerd-identity-headless.{namespace}.svc.{domain}.:8080")
        ),
        identity_name=read.text(
            "LINKERD_IDENTITY_NAME", names.identity_name("linkerd-identity", namespace, namespace, trust_domain)
        ),
        identity_dir=read.text("LINKERD_IDENTITY_DIR", names.IDENTITY_DIR),
        token_file=read.text("LINKERD_TOKEN_FILE", names.TOKEN_FILE),
        listen=read.addr("LINKERD_LISTEN_ADDR", "0.0.0.0:8089"),
        webhook=read.addr("LINKERD_WEBHOOK_ADDR", "0.0.0.0:8443"),
        admin=read.addr("LINKERD_ADMIN_ADDR", f"0.0.0.0:{names.PORT_SERVICE_ADMIN}"),
        tap_port=read.integer("LINKERD_TAP_PORT", names.PORT_TAP, minimum=1),
        certificate_life_ms=read.duration_ms("LINKERD_TAP_CERTIFICATE_LIFETIME", 365 * 86_400_000),
        log_level=read.choice("LINKERD_LOG_LEVEL", "info", ("trace", "debug", "info", "warn", "error", "off")),
        log_format=read.choice("LINKERD_LOG_FORMAT", "plain", ("plain", "json")),
    )
    read.finish()
    return settings
