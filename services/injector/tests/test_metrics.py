"""Metrics."""

from prometheus_client import CollectorRegistry, generate_latest

from linkerd_injector.metrics import Metrics
from linkerd_rules.injection import Injection, SkipReason


def test_linkerds_names_and_labels() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.count("deployment", "ns", Injection({}, injected=True, annotation_at="workload"))
    reasons = (SkipReason.HOST_NETWORK, SkipReason.ANNOTATION_ABSENT)
    metrics.count("pod", "ns", Injection(None, injected=False, reasons=reasons))
    text = generate_latest(registry).decode()
    assert (
        'proxy_inject_admission_responses_total{annotation_at="workload",namespace="ns",owner_kind="deployment",'
        'skip="false",skip_reason=""} 1.0'
    ) in text
    assert 'skip="true",skip_reason="host_network_enabled,injection_enable_annotation_absent"} 1.0' in text
    assert 'proxy_inject_admission_requests_total{annotation_at="",namespace="ns",owner_kind="pod"} 1.0' in text
