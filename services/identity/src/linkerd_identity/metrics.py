"""Metrics of the identity service."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """`issuer_cert_ttl_seconds` is Linkerd's name."""

    def __init__(self, registry: CollectorRegistry, issuer_ttl: Callable[[], float]) -> None:
        self.issued = Counter("certificates_issued", "Leaf certificates issued", registry=registry)
        self.refused = Counter(
            "certificates_refused", "Requests for a certificate that were refused", ["code"], registry=registry
        )
        self.seconds = Histogram(
            "certify_duration_seconds",
            "Time to answer a request for a certificate, the token review included",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
            registry=registry,
        )
        self.steps = Counter(
            "trust_steps",
            "Steps of making and rotating trust that this replica has carried out",
            ["step"],
            registry=registry,
        )
        ttl = Gauge("issuer_cert_ttl_seconds", "Seconds until the issuer's certificate ends", registry=registry)
        ttl.set_function(issuer_ttl)
