"""Topics: one rendered document for all who ask for the same thing from the same place.

A topic is a target as one zone sees it, or a workload's inbound policy; where an answer depends on the caller's
namespace or node (a consumer's routes, local traffic), readers have topics for theirs. The index's graph says which
topics read a fact; a change renders those again, once, and marks their readers. Readers hold no messages: a reader that
is slow is marked many times and sends once, the newest state (conflation), so that what one costs is bounded.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from linkerd_contract.codec import Document
from linkerd_contract.watch import WatchCode, WatchError, WatchKind
from linkerd_destination.api import changes
from linkerd_destination.api.metrics import Metrics
from linkerd_destination.index.graph import Fact, Graph
from linkerd_destination.index.state import Index
from linkerd_destination.translate.endpoints import Caller
from linkerd_destination.translate.inbound import render_inbound, workload_pod
from linkerd_destination.translate.outbound import render_outbound
from linkerd_destination.translate.targets import NoAnswer

log = logging.getLogger(__name__)

# Renders per turn of the loop: a relist of a large cluster must not hold up pings and handshakes.
_PER_TURN = 100


class Reader(Protocol):
    """A watch of one proxy."""

    def mark(self) -> None:
        """The topic has something new to send."""


@dataclass(frozen=True, slots=True)
class TopicKey:
    """`target` is of an outbound watch, or the workload of an inbound one (whose caller is empty)."""

    kind: WatchKind
    target: str
    caller: Caller


class Dependence(NamedTuple):
    """Whether callers of other namespaces, or on other nodes, are shown something else."""

    namespace: bool = False
    node: bool = False


class Topic:
    """The state that its readers converge to: a document with its version, or an error."""

    def __init__(self, key: TopicKey) -> None:
        self.key = key
        self.readers: set[Reader] = set()
        self.rendered = False
        self.document: Document | None = None
        self.version = ""
        self.error: WatchError | None = None
        self.depends = Dependence()
        self.owner: tuple[str, str] = ("", "")
        """Of an inbound document: service account and namespace of its pod."""
        self._whole: list[changes.Tail] | None = None
        self._delta: list[changes.Tail] | None = None
        self._delta_base = ""

    def show(self, document: Document, owner: tuple[str, str]) -> bool:
        """A new rendering; whether readers have something to send."""
        version = changes.version_of(document, self.key.caller.namespace, self.key.caller.zone)
        if self.rendered and version == self.version and self.error is None and owner == self.owner:
            return False
        before, base = self.document, self.version
        self._delta = changes.delta(before, document, base, version) if before is not None else None
        self._delta_base = base
        self._whole = None
        self.document, self.version, self.owner, self.error, self.rendered = document, version, owner, None, True
        return True

    def fail(self, error: WatchError) -> bool:
        """There is no document now; whether that is new."""
        if self.rendered and self.error == error:
            return False
        self.document, self.version, self.error, self.rendered = None, "", error, True
        self._whole = self._delta = None
        return True

    def tails(self, known: str) -> tuple[str, list[changes.Tail]]:
        """Messages for a reader that has version `known` ("": none), and what kind they are."""
        if self.error is not None or self.document is None:
            return "error", changes.failure(self.error or WatchError(code=WatchCode.unavailable))
        if known == self.version:
            return "current", changes.current(self.version)
        if self._delta is not None and known and known == self._delta_base:
            return "delta", self._delta
        if self._whole is None:
            self._whole = changes.whole(self.document, self.version)
        return "set", self._whole


class Topics:
    """All topics that somebody reads."""

    def __init__(self, index: Index, metrics: Metrics) -> None:
        self._index = index
        self._metrics = metrics
        self._graph: Graph[TopicKey] = Graph()
        self._topics: dict[TopicKey, Topic] = {}
        self._dirty: dict[TopicKey, None] = {}
        self._changed_at = 0.0
        self._scheduled = False
        self._open = False
        self.listeners: list[Callable[[set[Fact]], None]] = []
        """Who else is told of changed facts."""

    def open(self) -> None:
        """Every cache has listed: answers can be true from now on. Before, nobody is answered."""
        self._open = True
        self._dirty.update(dict.fromkeys(self._topics))
        self.on_change()

    def subscribe(self, key: TopicKey, reader: Reader) -> Topic:
        """Join a topic; the reader is marked when there is something to send, which may be before this returns."""
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = Topic(key)
            self._metrics.topics.set(len(self._topics))
            if self._open:
                self._render(topic)
        topic.readers.add(reader)
        if topic.rendered:
            reader.mark()
        return topic

    def place(self, workload: str) -> tuple[str, str]:
        """Node and zone of a workload "namespace/pod"; "" where they are not known."""
        view = self._index.view()
        namespace, _, name = workload.partition("/")
        pod = view.pod(namespace, name)
        return (pod.node, view.zone(pod.node)) if pod is not None else ("", "")

    def zone(self, node: str) -> str:
        """The zone of a node."""
        return self._index.view().zone(node)

    def unsubscribe(self, topic: Topic, reader: Reader) -> None:
        """Leave; a topic without readers is forgotten."""
        topic.readers.discard(reader)
        if not topic.readers and self._topics.get(topic.key) is topic:
            del self._topics[topic.key]
            self._dirty.pop(topic.key, None)
            self._graph.forget(topic.key)
            self._metrics.topics.set(len(self._topics))

    def on_change(self) -> None:
        """The index changed. Topics are rendered once per turn of the loop, however many events came in it."""
        if self._scheduled:
            return
        self._scheduled = True
        self._changed_at = time.monotonic()
        asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        changed = self._index.drain()
        if changed:
            for listener in self.listeners:
                listener(changed)
            self._dirty.update(dict.fromkeys(self._graph.readers(changed)))
        if not self._open:
            return
        for _ in range(min(_PER_TURN, len(self._dirty))):
            key = next(iter(self._dirty))
            del self._dirty[key]
            topic = self._topics.get(key)
            if topic is not None and self._render(topic):
                for reader in topic.readers:
                    reader.mark()
        if self._dirty:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)
        elif changed:
            self._metrics.lag.observe(time.monotonic() - self._changed_at)

    def _render(self, topic: Topic) -> bool:
        key = topic.key
        view = self._index.view()
        self._metrics.renders.inc()
        reread = self._graph.record
        try:
            if key.kind is WatchKind.inbound:
                pod = workload_pod(view, key.target)
                return topic.show(render_inbound(view, key.target), (pod.service_account, pod.namespace))
            document = render_outbound(view, key.target, key.caller)
            # Readers that it concerns go to a topic of their own, or back: that is news to them.
            depends = Dependence(view.namespace_dependent, view.node_dependent)
            moved, topic.depends = topic.depends != depends, depends
            return topic.show(document, ("", "")) or moved
        except NoAnswer as error:
            return topic.fail(error.error)
        except Exception:
            log.exception("cannot render %s %s", key.kind.value, key.target)
            self._metrics.render_failures.inc()
            reread = self._graph.add  # it broke off midway: what it would have read counts as before
            if topic.document is not None:
                return False  # the last good one stays
            return topic.fail(WatchError(code=WatchCode.internal, message="cannot be rendered; see the log"))
        finally:
            reread(key, view.facts)
