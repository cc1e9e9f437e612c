"""Metrics."""

from prometheus_client import CollectorRegistry, generate_latest

from linkerd_identity.metrics import Metrics


def test_names() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, lambda: 42.0)
    metrics.issued.inc()
    metrics.refused.labels("invalid_csr").inc()
    metrics.seconds.observe(0.001)
    text = generate_latest(registry).decode()
    assert "issuer_cert_ttl_seconds 42.0" in text
    assert "certificates_issued_total 1.0" in text
    assert 'certificates_refused_total{code="invalid_csr"} 1.0' in text
