"""Settings of the process, from a mapping such as the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkerd_contract import names
from linkerd_destination.index.config import ClusterConfig
from linkerd_runtime.logs import LEVELS
from linkerd_runtime.settings import Addr, Reader


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment says."""

    cluster: ClusterConfig
    """Names; the policy in it is the default where the ConfigMap linkerd-config says nothing."""
    identity: str
    """Our own name, as certificates carry it."""
    pod_name: str
    pod_namespace: str
    identity_addr: str
    identity_name: str
    identity_dir: str
    token_file: str
    listen: Addr
    admin: Addr
    debug: Addr
    log_level: str
    log_format: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises linkerd_runtime.settings.BadSettings, which holds a message for every bad value."""
        reader = Reader(environ)
        namespace = reader.text("LINKERD_NAMESPACE", names.LINKERD_NAMESPACE)
        trust_domain = reader.text("LINKERD_TRUST_DOMAIN", names.CLUSTER_DOMAIN)
        domain = reader.text("LINKERD_CLUSTER_DOMAIN", names.CLUSTER_DOMAIN)
        account = reader.text("LINKERD_SERVICE_ACCOUNT", "linkerd-destination")
        pod_namespace = reader.text("POD_NAMESPACE", namespace)
        settings = cls(
            cluster=ClusterConfig(
                control_plane_namespace=namespace, cluster_domain=domain.strip("."), trust_domain=trust_domain
            ),
            identity=names.identity_name(account, pod_namespace, namespace, trust_domain),
            pod_name=reader.text("POD_NAME", "linkerd-destination"),
            pod_namespace=pod_namespace,
            identity_addr=str(
                reader.addr("LINKERD_IDENTITY_ADDR", f"linkerd-identity-headless.{namespace}.svc.{domain}.:8080")
            ),
            identity_name=reader.text(
                "LINKERD_IDENTITY_NAME", names.identity_name("linkerd-identity", namespace, namespace, trust_domain)
            ),
            identity_dir=reader.text("LINKERD_IDENTITY_DIR", names.IDENTITY_DIR),
            token_file=reader.text("LINKERD_TOKEN_FILE", names.TOKEN_FILE),
            listen=reader.addr("LINKERD_LISTEN_ADDR", f"0.0.0.0:{names.PORT_DESTINATION}"),
            admin=reader.addr("LINKERD_ADMIN_ADDR", f"0.0.0.0:{names.PORT_SERVICE_ADMIN}"),
            debug=reader.addr("LINKERD_DEBUG_ADDR", f"127.0.0.1:{names.PORT_SERVICE_DEBUG}"),
            log_level=reader.choice("LINKERD_LOG_LEVEL", "info", LEVELS),
            log_format=reader.choice("LINKERD_LOG_FORMAT", "plain", ("plain", "json")),
        )
        reader.finish()
        return settings
