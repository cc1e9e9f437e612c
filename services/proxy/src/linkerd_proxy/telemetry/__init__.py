"""Metrics in Prometheus text, under Linkerd's names, at the cost of an attribute increment on the hot path."""

from linkerd_proxy.telemetry.registry import Counter, Family, Gauge, Histogram, HistogramFamily, Registry

__all__ = ["Counter", "Family", "Gauge", "Histogram", "HistogramFamily", "Registry"]
