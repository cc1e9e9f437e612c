"""Metrics of the injector, with Linkerd's names."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from linkerd_rules.injection import Injection


class Metrics:
    """One request and one response counted per pod under review."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "proxy_inject_admission_requests",
            "Admission requests to inject the proxy",
            ["owner_kind", "namespace", "annotation_at"],
            registry=registry,
        )
        self._responses = Counter(
            "proxy_inject_admission_responses",
            "Answers to admission requests",
            ["owner_kind", "namespace", "annotation_at", "skip", "skip_reason"],
            registry=registry,
        )
        self.seconds = Histogram(
            "proxy_inject_admission_duration_seconds",
            "Time to answer an admission request",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5),
            registry=registry,
        )

    def count(self, owner_kind: str, namespace: str, injection: Injection) -> None:
        """One pod."""
        at = injection.annotation_at
        reasons = ",".join(injection.reasons)
        self._requests.labels(owner_kind, namespace, at).inc()
        self._responses.labels(owner_kind, namespace, at, "false" if injection.injected else "true", reasons).inc()
