"""The parameters that requests share, and which resources they name. PURE."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from linkerd_contract.durations import parse_go_duration_ms
from linkerd_contract.exposition import Labels
from linkerd_viz.inventory import KINDS, WORKLOADS, Group, Inventory, Pod, groups, owners, parents_of
from linkerd_viz.measurements import Series
from linkerd_viz.selectors import Selector, parse_selector

MIN_WINDOW_SECONDS = 15.0
DESTINATION_KINDS = (*KINDS, "authority")
SOURCE_KINDS = tuple(kind for kind in KINDS if kind != "service")


class BadQuery(ValueError):
    """A parameter that cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Named:
    """Resources of a kind; None means all."""

    kind: str
    namespace: str | None = None
    name: str | None = None

    def names(self, namespace: str, name: str) -> bool:
        """Whether it is one of them."""
        return self.namespace in (None, namespace) and self.name in (None, name)

    def covers(self, group: Group) -> bool:
        """Whether a group is one of them: a namespace is in itself."""
        namespace = group.name if group.kind == "namespace" else group.namespace
        return self.names(namespace, group.name)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked about. `destination` and `source` narrow the traffic to that of the outbound side."""

    subject: Named
    window_seconds: float = 60.0
    selector: Selector | None = None
    unmeshed: bool = False
    destination: Named | None = None
    source: Named | None = None


def parse_query(parameters: Mapping[str, str], kinds: Iterable[str], default_window: str = "1m") -> Query:
    """The request's parameters. Raises BadQuery."""
    destination = _other(parameters, "to", DESTINATION_KINDS)
    source = _other(parameters, "from", SOURCE_KINDS)
    if destination is not None and source is not None:
        raise BadQuery("to and from cannot be combined")
    subject = Named(
        _kind(parameters.get("kind", "deployment"), "kind", kinds),
        parameters.get("namespace") or None,
        parameters.get("name") or None,
    )
    selector = None
    if text := parameters.get("selector"):
        try:
            selector = parse_selector(text)
        except ValueError as error:
            raise BadQuery(f"selector: {error}") from None
    return Query(
        subject=subject,
        window_seconds=parse_window(parameters.get("window") or default_window),
        selector=selector,
        unmeshed=parameters.get("unmeshed") == "true",
        destination=_in_namespace(destination, subject),
        source=_in_namespace(source, subject),
    )


def parse_window(text: str) -> float:
    """Seconds. Raises BadQuery in Linkerd's words where it is too short."""
    try:
        seconds = parse_go_duration_ms(text) / 1000
    except ValueError as error:
        raise BadQuery(f"window: {error}") from None
    if seconds < MIN_WINDOW_SECONDS:
        raise BadQuery(f"window: {text}: metrics time window needs to be at least 15s")
    return seconds


def _kind(text: str, parameter: str, kinds: Iterable[str]) -> str:
    if text not in kinds:
        raise BadQuery(f"{parameter}: {text!r} is not one of {', '.join(kinds)}")
    return text


def _other(parameters: Mapping[str, str], side: str, kinds: Iterable[str]) -> Named | None:
    kind = parameters.get(f"{side}_kind")
    namespace = parameters.get(f"{side}_namespace") or None
    if not kind:
        if parameters.get(f"{side}_name") or namespace:
            # Linkerd: --to-namespace alone means the namespace itself.
            return Named("namespace", namespace, namespace) if namespace else None
        return None
    return Named(_kind(kind, f"{side}_kind", kinds), namespace, parameters.get(f"{side}_name") or None)


def _in_namespace(other: Named | None, subject: Named) -> Named | None:
    """What was named without a namespace is in the subject's, as Linkerd takes it."""
    if other is None or other.namespace is not None or other.kind in ("namespace", "authority"):
        return other
    return Named(other.kind, subject.namespace, other.name)


def selected(inventory: Inventory, query: Query) -> list[Group]:
    """The groups that a query is about. A resource asked for by name is shown whatever it is."""
    subject = query.subject
    return [
        group
        for group in groups(inventory, subject.kind)
        if subject.covers(group)
        and (query.selector is None or query.selector(group.labels))
        and (query.unmeshed or subject.name is not None or group.meshed or subject.kind == "service")
    ]


def pods_of(inventory: Inventory, named: Named) -> list[Pod]:
    """Meshed pods of what is named."""
    return [pod for group in groups(inventory, named.kind) if named.covers(group) for pod in group.meshed]


class Destinations:
    """What outbound series lead to: by the pod, where it is known and there, else by the endpoint's labels.

    Pods share series, so what was found for one is kept for the others of an answer.
    """

    def __init__(self, inventory: Inventory) -> None:
        parents = parents_of(inventory)
        self._owners = {pod.metadata.key: owners(pod, parents) for pod in inventory.pods if pod.active}
        self._found: dict[tuple[Series, str], str | None] = {}
        self._workloads: dict[Series, tuple[str, str, str] | None] = {}

    def endpoint(self, series: Series, kind: str) -> str | None:
        """The resource of a kind that has the endpoint; None for endpoints that are gone, or are not in the mesh."""
        key = (series, kind)
        if key not in self._found:
            labels = series.labels
            known = "dst_namespace" in labels and not self.gone(labels)
            self._found[key] = self.name(labels, kind) if known else None
        return self._found[key]

    def workload(self, series: Series) -> tuple[str, str, str] | None:
        """Kind, namespace and name of the topmost workload that has the endpoint."""
        if series not in self._workloads:
            labels, found = series.labels, None
            if "dst_namespace" in labels and not self.gone(labels):
                named = ((kind, self.name(labels, kind)) for kind in WORKLOADS)
                found = next(((kind, labels["dst_namespace"], name) for kind, name in named if name), None)
            self._workloads[series] = found
        return self._workloads[series]

    def gone(self, labels: Labels) -> bool:
        """Whether the endpoint is a pod that is no more: after a rollout, traffic is that of today's pods."""
        pod = labels.get("dst_pod")
        return pod is not None and (labels.get("dst_namespace", ""), pod) not in self._owners

    def name(self, labels: Labels, kind: str) -> str | None:
        """The resource of a kind that a series leads to."""
        namespace = labels.get("dst_namespace")
        if kind == "authority":
            return labels.get("authority")
        if namespace is None or kind == "namespace":
            return namespace
        if kind == "service":
            return labels.get("dst_service")
        pod = labels.get("dst_pod")
        if pod is not None and (found := self._owners.get((namespace, pod))) is not None and kind in found:
            return found[kind]
        return labels.get("dst_k8s_job" if kind == "job" else f"dst_{kind}")

    def key(self, labels: Labels, kind: str) -> tuple[str, str] | None:
        """Its namespace ("" for a namespace and an authority's own) and name."""
        name = self.name(labels, kind)
        if name is None:
            return None
        return ("" if kind == "namespace" else labels.get("dst_namespace", ""), name)

    def matches(self, labels: Labels, named: Named) -> bool:
        """Whether a series leads to what is named."""
        name = self.name(labels, named.kind)
        if name is None:
            return False
        if named.kind == "authority":
            return named.name in (None, name, name.rpartition(":")[0])
        return named.names(labels.get("dst_namespace", ""), name)
