"""PURE: what a proxy may ask for: "ip:port", or "fqdn:port" of a Service or of a pod behind a headless one."""

import ipaddress
from dataclasses import dataclass

from linkerd_contract.watch import WatchCode, WatchError


class NoAnswer(Exception):
    """A watch that has no document now. `error` is what the proxy is told."""

    def __init__(self, code: WatchCode, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.error = WatchError(code=code, message=message, retryable=retryable)


@dataclass(frozen=True, slots=True)
class AddressTarget:
    """An address as the application dialled it."""

    ip: str
    port: int

    def __str__(self) -> str:
        return address(self.ip, self.port)


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """A Service by name. `hostname` is one of its pods (StatefulSet), "" for all."""

    namespace: str
    name: str
    port: int
    hostname: str = ""


def address(ip: str, port: int) -> str:
    """ "ip:port", "[ip]:port" for IPv6."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def parse_target(target: str, cluster_domain: str) -> AddressTarget | ServiceTarget:
    """Raises NoAnswer (invalidTarget, not retryable): such a target never has an answer."""
    host, colon, digits = target.rpartition(":")
    if not colon or not host or not (digits.isascii() and digits.isdecimal()) or not 0 < int(digits) < 65536:
        raise _invalid(f"{target!r} has no port from 1 to 65535 after a colon")
    port = int(digits)
    try:
        return AddressTarget(str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))), port)
    except ValueError:
        pass
    name = host.lower().removesuffix(".")
    suffix = f".svc.{cluster_domain}"
    labels = name.removesuffix(suffix).split(".")
    if not name.endswith(suffix) or not all(labels) or len(labels) not in (2, 3):
        raise _invalid(f"{host!r} is neither an address nor [pod.]service.namespace{suffix}")
    return ServiceTarget(labels[-1], labels[-2], port, labels[0] if len(labels) == 3 else "")


def service_target(host: str, port: int, namespace: str, cluster_domain: str) -> str:
    """What a proxy would ask for where a workload of `namespace` dials a host, as cluster DNS completes names."""
    try:
        return address(str(ipaddress.ip_address(host)), port)
    except ValueError:
        pass
    name = host.lower().removesuffix(".")
    if name.endswith(f".svc.{cluster_domain}"):
        return f"{name}:{port}"
    if name.endswith(".svc"):
        return f"{name}.{cluster_domain}:{port}"
    # name.namespace; a longer name is taken to be outside of the cluster.
    labels = [*name.split("."), namespace][:2] if name.count(".") < 2 else []
    return f"{'.'.join(labels)}.svc.{cluster_domain}:{port}" if labels else f"{name}:{port}"


def _invalid(message: str) -> NoAnswer:
    return NoAnswer(WatchCode.invalid_target, message, retryable=False)
