"""Label sets in Prometheus text form, rendered once per target and reused for all its series.

A label set is a string such as `direction="outbound",authority="web:80"`. A label whose value is empty is left out:
to Prometheus that is the same series. Names and values are Linkerd's.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum

from linkerd_contract.resource import ResourceRef

Pairs = Iterable[tuple[str, str]]

_NAME = re.compile(rb"(?:[a-z0-9_-]{1,63}\.)*(?=[0-9]*[a-z_-])[a-z0-9_-]{1,63}")
MAX_HOSTNAME = 253
"""Characters of a name in DNS (RFC 1035 section 2.3.4)."""
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class NoTls(Enum):
    """Why there is no TLS (no_tls_reason), on either side."""

    disabled = "disabled"
    loopback = "loopback"
    not_provided = "not_provided_by_service_discovery"
    ingress = "ingress_without_override"
    port_skipped = "port_skipped"
    no_tls_from_remote = "no_tls_from_remote"


def escape(value: str) -> str:
    r"""A label value with \, " and newline escaped (Prometheus text format 0.0.4)."""
    return value.translate(_ESCAPES)


def render(pairs: Pairs) -> str:
    """The label set of these pairs, in this order, without the empty ones."""
    return ",".join([f'{name}="{escape(value)}"' for name, value in pairs if value])


def join(*label_sets: str) -> str:
    """One label set of several."""
    return ",".join([labels for labels in label_sets if labels])


def target(host: str, port: int) -> list[tuple[str, str]]:
    """target_addr, target_ip and target_port."""
    addr = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return [("target_addr", addr), ("target_ip", host), ("target_port", str(port))]


def hostname(authority: bytes) -> str:
    """The name of a host in an authority, in lower case, without the port; empty where it is an address, or no name.

    Clients choose it: labels made of it are for who asked for them.
    """
    host = authority.lower().partition(b":")[0].removesuffix(b".")
    return host.decode() if len(host) <= MAX_HOSTNAME and _NAME.fullmatch(host) else ""


def server_tls(client_id: str | None, reason: NoTls = NoTls.no_tls_from_remote) -> list[tuple[str, str]]:
    """tls labels of an accepted connection."""
    if client_id is not None:
        return [("tls", "true"), ("client_id", client_id)]
    return [("tls", "no_identity"), ("no_tls_reason", reason.value)]


def passthrough_tls(sni: str) -> list[tuple[str, str]]:
    """tls labels of an accepted connection whose TLS is not ours and is passed through."""
    return [("tls", "opaque"), ("sni", sni)]


def client_tls(server_id: str | None, reason: NoTls = NoTls.not_provided) -> list[tuple[str, str]]:
    """tls labels of a connection that we make."""
    if server_id is not None:
        return [("tls", "true"), ("server_id", server_id)]
    return [("tls", "no_identity"), ("no_tls_reason", reason.value)]


def resource(prefix: str, ref: ResourceRef, port: int = 0) -> list[tuple[str, str]]:
    """PREFIX_group, PREFIX_kind, PREFIX_name (srv, route, authz, …), and PREFIX_port where there is one."""
    pairs = [(f"{prefix}_group", ref.group), (f"{prefix}_kind", ref.kind), (f"{prefix}_name", ref.name)]
    if port:
        pairs.append((f"{prefix}_port", str(port)))
    return pairs


def described(ref: ResourceRef) -> dict[str, str]:
    """group, kind, namespace and name, without those that are empty, for what people read."""
    pairs = {"group": ref.group, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    return {name: value for name, value in pairs.items() if value}


def described_tls(peer: str, identity: str | None, reason: NoTls) -> dict[str, str]:
    """`tls`: "true", or why not; with TLS the peer's identity under its name, client_id or server_id."""
    if identity is None:
        return {"tls": reason.value}
    return {"tls": "true", peer: identity} if identity else {"tls": "true"}


def prefixed(prefix: str, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """dst_* or rt_* labels that the control plane sent, sorted so that equal sets render equally."""
    return [(f"{prefix}_{label_name(name)}", value) for name, value in sorted(labels.items())]


def label_name(name: str) -> str:
    """A legal label name of any text: what is not a letter, digit or _ becomes _."""
    return "".join([c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name])
