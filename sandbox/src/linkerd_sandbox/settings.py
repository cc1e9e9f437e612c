"""Where a sandbox keeps its state, and what its supervisor is told. Nothing here reads the environment."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

POD_CIDR: Final = "10.42.0.0/24"
CLUSTER_CIDR: Final = "10.42.0.0/16"
SERVICE_CIDR: Final = "10.43.0.0/16"
DNS_IP: Final = "10.43.0.10"
POD_CIDR6: Final = "fd00:10:42::/112"
SERVICE_CIDR6: Final = "fd00:10:43::/112"
DNS_IP6: Final = "fd00:10:43::a"
NODE_NAME: Final = "sandbox"
API_PORT: Final = 6443
CLUSTER_DOMAIN: Final = "cluster.local"


class BadSettings(Exception):
    """One line for people about each bad value."""


def state_directory(environ: Mapping[str, str]) -> Path:
    """The sandbox's directory: LINKERD_SANDBOX_DIR, else linkerd-sandbox below XDG_STATE_HOME or ~/.local/state.

    One sandbox a directory: another LINKERD_SANDBOX_DIR is another sandbox. Raises BadSettings.
    """
    if chosen := environ.get("LINKERD_SANDBOX_DIR"):
        path = Path(chosen)
    elif state_home := environ.get("XDG_STATE_HOME"):
        path = Path(state_home) / "linkerd-sandbox"
    elif home := environ.get("HOME"):
        path = Path(home) / ".local" / "state" / "linkerd-sandbox"
    else:
        raise BadSettings("none of LINKERD_SANDBOX_DIR, XDG_STATE_HOME and HOME is set: where shall the state go?")
    path = path.absolute()
    if path.is_relative_to("/run") or path.is_relative_to("/proc"):
        raise BadSettings(f"LINKERD_SANDBOX_DIR={path}: the sandbox has a /run of its own; choose another directory")
    return path


@dataclass(frozen=True, slots=True)
class SupervisorSettings:
    """What `up` hands to the supervisor, as JSON on its command line."""

    directory: str
    listener_fd: int
    """The API's listener on the host's loopback, bound before the namespaces were made."""
    ready_fd: int
    """Where to write "ready" or why not."""
    api_port: int
    mode: str
    """root, user (many uids mapped), or one-uid."""
    path: str
    """PATH of the user, for finding tools."""
    log_level: str = "info"
    ip_family: str = "ipv4"
    """ipv4, or dual: IPv6 beside it."""
    kube_apiserver: str = ""
    """Path of a real kube-apiserver that takes the place of the embedded one; empty: the embedded one."""
    etcd: str = ""
    """Path of its etcd."""
    forwards: tuple[tuple[int, str], ...] = ()
    """Listeners on the host's loopback that lead to Services: descriptor, and `HOST_PORT:SERVICE.NAMESPACE:PORT`."""

    @property
    def pod_cidrs(self) -> tuple[str, ...]:
        return (POD_CIDR, POD_CIDR6) if self.ip_family == "dual" else (POD_CIDR,)

    @property
    def service_cidrs(self) -> tuple[str, ...]:
        return (SERVICE_CIDR, SERVICE_CIDR6) if self.ip_family == "dual" else (SERVICE_CIDR,)

    @property
    def dns_ips(self) -> tuple[str, ...]:
        return (DNS_IP, DNS_IP6) if self.ip_family == "dual" else (DNS_IP,)

    @property
    def descriptors(self) -> list[int]:
        """What has to be handed down to the supervisor."""
        return [self.listener_fd, self.ready_fd, *(fd for fd, _ in self.forwards)]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "SupervisorSettings":
        values = json.loads(text)
        forwards = tuple((int(fd), str(spec)) for fd, spec in values.pop("forwards", ()))
        return cls(**values, forwards=forwards)
