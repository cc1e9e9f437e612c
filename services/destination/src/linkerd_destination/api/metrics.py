"""What the service counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Families of one process, in `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter("destination_events", "Lists and watch events applied.", ["kind"], registry=self.registry)
        self.problems = Counter(
            "destination_object_problems",
            "Objects not used, or not wholly",
            ["kind", "reason"],
            registry=self.registry,
        )
        self.objects = Gauge("destination_objects", "Objects in the index.", ["kind"], registry=self.registry)
        self.connections = Gauge("destination_connections", "Proxies connected.", registry=self.registry)
        self.watches = Gauge("destination_watches", "Watches of all proxies.", registry=self.registry)
        self.topics = Gauge("destination_topics", "Documents kept rendered.", registry=self.registry)
        self.messages = Counter(
            "destination_messages", "Messages to proxies: set, delta, current, error.", ["type"], registry=self.registry
        )
        self.renders = Counter("destination_renders", "Documents rendered.", registry=self.registry)
        self.render_failures = Counter(
            "destination_render_failures", "Documents that could not be rendered: a fault here.", registry=self.registry
        )
        self.refused = Counter(
            "destination_refused", "Connections refused or cut, by reason.", ["reason"], registry=self.registry
        )
        self.lag = Histogram(
            "destination_change_seconds",
            "From a change in the index to its last reader being told to send it.",
            registry=self.registry,
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
        )
