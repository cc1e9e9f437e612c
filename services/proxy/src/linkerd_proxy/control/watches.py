"""The watch protocol's state, without IO: what is watched, what is known of it, and what a message changes.

Rules: a snapshot is replaced whole or not at all, and stays through errors, bad messages and lost connections. A delta
applies only to the version that it is based on; otherwise the watch begins anew under another id, which makes the
server send everything. Parts of a long list are kept aside until the last has come.
"""

from collections.abc import Iterable

import msgspec

from linkerd_contract import codec
from linkerd_contract.inbound import InboundDocument
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument
from linkerd_contract.watch import (
    EndpointsDelta,
    Hello,
    Known,
    ServerMessage,
    Unwatch,
    Watch,
    WatchError,
    WatchKind,
)
from linkerd_proxy.addrs import server_addr
from linkerd_rules.policy import InboundPolicy, OutboundPolicy

Policy = OutboundPolicy | InboundPolicy
Key = tuple[WatchKind, str]


class BadMessage(ValueError):
    """The server sent what cannot be used; the message says what."""


class Watched:
    """One target: its snapshot, or the error in place of one."""

    __slots__ = ("error", "id", "kind", "parts", "policy", "target", "version")

    def __init__(self, kind: WatchKind, target: str) -> None:
        self.kind = kind
        self.target = target
        self.id = 0
        """On the current connection; 0 = not sent yet."""
        self.version = ""
        self.policy: Policy | None = None
        self.error: WatchError | None = None
        self.parts: list[ServerMessage] = []


class Watches:
    """All targets of one proxy. What a method returns is what the caller must send, as JSON texts."""

    def __init__(self, workload: str = "", node: str = "", zone: str = "") -> None:
        self._who = (workload, node, zone)
        self._by_key: dict[Key, Watched] = {}
        self._by_id: dict[int, Watched] = {}
        self._connected = False
        self._next_id = 1

    def get(self, kind: WatchKind, target: str) -> Watched | None:
        """What is watched under this name."""
        return self._by_key.get((kind, target))

    def add(self, kind: WatchKind, target: str) -> tuple[Watched, list[str]]:
        """Begin to watch; the target must be new."""
        watched = self._by_key[kind, target] = Watched(kind, target)
        return watched, [self._watch(watched)] if self._connected else []

    def remove(self, watched: Watched) -> list[str]:
        """Forget a target."""
        del self._by_key[watched.kind, watched.target]
        return self._unwatch(watched)

    def connected(self) -> list[str]:
        """A connection is there: say hello with what is known, and watch everything."""
        known = [Known(w.kind, w.version, w.target) for w in self._by_key.values() if w.policy is not None]
        workload, node, zone = self._who
        self._connected = True
        return [_text(Hello(workload, node, zone, known)), *[self._watch(w) for w in self._by_key.values()]]

    def disconnected(self) -> None:
        """The connection is gone; snapshots stay."""
        self._connected = False
        self._by_id.clear()
        for watched in self._by_key.values():
            watched.id = 0
            watched.parts.clear()

    def received(self, data: bytes | str) -> tuple[Watched | None, list[str]]:
        """One message: the target whose snapshot or error changed, and what to send.

        Raises BadMessage; the state is then as before.
        """
        try:
            message = codec.decode(data, ServerMessage)
        except (ValueError, RecursionError) as error:
            raise BadMessage(f"not a message of the watch protocol: {error}") from error
        watched = self._by_id.get(message.id)
        if watched is None:
            # An answer that was on its way when the watch ended.
            return None, []
        if message.error is not None:
            watched.parts.clear()
            watched.error = message.error
            return watched, []
        if message.set:
            watched.parts.clear()
        watched.parts.append(message)
        if not message.end:
            return None, []
        parts, watched.parts = watched.parts, []
        return self._apply(watched, parts)

    def _apply(self, watched: Watched, parts: list[ServerMessage]) -> tuple[Watched | None, list[str]]:
        first, last = parts[0], parts[-1]
        policy: Policy | None
        if first.set:
            policy = _compile(watched.kind, first.set)
            deltas = [part.endpoints for part in parts[1:] if part.endpoints is not None]
        else:
            policy = watched.policy
            deltas = [part.endpoints for part in parts if part.endpoints is not None]
            based_on = first.base if deltas else last.version
            if policy is None or based_on != watched.version:
                return None, self._again(watched)
        if deltas:
            if not isinstance(policy, OutboundPolicy):
                raise BadMessage(f"endpoints for the {watched.kind.value} watch {watched.target!r}")
            backends = _with_endpoints(policy.doc.backends, deltas)
            if backends is None:
                return None, self._again(watched)
            policy = policy.with_backends(backends)
        changed = policy is not watched.policy or watched.error is not None
        watched.policy, watched.version, watched.error = policy, last.version, None
        return (watched if changed else None), []

    def _again(self, watched: Watched) -> list[str]:
        return [*self._unwatch(watched), self._watch(watched)]

    def _watch(self, watched: Watched) -> str:
        watched.id = self._next_id
        self._next_id += 1
        self._by_id[watched.id] = watched
        return _text(Watch(watched.id, watched.kind, watched.target))

    def _unwatch(self, watched: Watched) -> list[str]:
        if not watched.id:
            return []
        del self._by_id[watched.id]
        text = _text(Unwatch(watched.id))
        watched.id = 0
        watched.parts.clear()
        return [text]


def _text(message: Hello | Watch | Unwatch) -> str:
    return codec.encode(message).decode()


def _compile(kind: WatchKind, raw: msgspec.Raw) -> Policy:
    try:
        if kind is WatchKind.inbound:
            return InboundPolicy(msgspec.json.decode(raw, type=InboundDocument))
        document = msgspec.json.decode(raw, type=OutboundDocument)
        for backend in document.backends.values():
            for endpoint in backend.endpoints:
                server_addr(endpoint.addr)
        return OutboundPolicy(document)
    except (ValueError, RecursionError) as error:  # conditions may be nested without end
        raise BadMessage(f"not an {kind.value} document: {error}") from error


def _with_endpoints(backends: dict[str, Backend], deltas: Iterable[EndpointsDelta]) -> dict[str, Backend] | None:
    """`add` replaces endpoints of the same address. None where a delta is of a backend that is not there.

    Raises BadMessage for an address that is none.
    """
    changed: dict[str, dict[str, Endpoint]] = {}
    for delta in deltas:
        endpoints = changed.get(delta.backend)
        if endpoints is None:
            backend = backends.get(delta.backend)
            if backend is None:
                return None
            endpoints = changed[delta.backend] = {endpoint.addr: endpoint for endpoint in backend.endpoints}
        for addr in delta.remove:
            endpoints.pop(addr, None)
        for endpoint in delta.add:
            try:
                server_addr(endpoint.addr)
            except ValueError as error:
                raise BadMessage(f"not an endpoint: {error}") from error
            endpoints[endpoint.addr] = endpoint
    merged = dict(backends)
    for ref, endpoints in changed.items():
        merged[ref] = msgspec.structs.replace(backends[ref], endpoints=list(endpoints.values()))
    return merged
