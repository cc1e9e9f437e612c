"""Settings of the injector, from environment variables (names in README.md)."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkerd_contract import names
from linkerd_runtime.logs import LEVELS
from linkerd_runtime.settings import Addr, Reader


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    namespace: str
    """Of the control plane."""
    cluster_domain: str
    pod_name: str
    """Unique among replicas: who holds the Lease."""
    listen: Addr
    admin: Addr
    log_level: str
    log_format: str
    certificate_life_ms: int

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read all variables. Raises BadSettings."""
        read = Reader(env)
        settings = cls(
            namespace=read.text("LINKERD_NAMESPACE", names.LINKERD_NAMESPACE),
            cluster_domain=read.text("LINKERD_CLUSTER_DOMAIN", names.CLUSTER_DOMAIN),
            pod_name=read.text("POD_NAME", "linkerd-proxy-injector"),
            listen=read.addr("LINKERD_LISTEN_ADDR", f"0.0.0.0:{names.PORT_INJECTOR}"),
            admin=read.addr("LINKERD_ADMIN_ADDR", f"0.0.0.0:{names.PORT_SERVICE_ADMIN}"),
            log_level=read.choice("LINKERD_LOG_LEVEL", "info", LEVELS),
            log_format=read.choice("LINKERD_LOG_FORMAT", "plain", ("plain", "json")),
            certificate_life_ms=read.duration_ms("LINKERD_WEBHOOK_CERTIFICATE_LIFETIME", 365 * 86_400_000),
        )
        read.finish()
        return settings
