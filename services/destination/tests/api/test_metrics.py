"""Families register once, under names of their own."""

from linkerd_destination.api.metrics import Metrics


def test_names() -> None:
    metrics = Metrics()
    names = [family.name for family in metrics.registry.collect()]
    assert len(names) == len(set(names))
    assert all(name.startswith("destination_") for name in names)
    Metrics()  # a registry of its own: two of them do not collide
