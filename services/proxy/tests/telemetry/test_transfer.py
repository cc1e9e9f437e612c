"""Bytes by zone: sums over endpoints that never fall, whatever is evicted."""

from linkerd_proxy.telemetry.metrics import Metrics

NAME = "outbound_tcp_transfer_cost_bytes_total"


def read(metrics: Metrics) -> dict[str, float]:
    lines = metrics.registry.render().decode().splitlines()
    samples = [line.rpartition(" ") for line in lines if line.startswith(NAME + "{")]
    return {series.removeprefix(NAME): float(value) for series, _, value in samples}


def test_bytes_add_up_by_zone() -> None:
    metrics = Metrics()
    assert NAME not in metrics.registry.render().decode()
    for name, locality, received, sent in (("a", "local", 1, 10), ("b", "remote", 2, 20), ("c", "local", 4, 40)):
        series = metrics.tcp.series(f'dst_pod="{name}"')
        metrics.transfer_cost.locate(f'dst_pod="{name}"', locality)
        series.read.value += received
        series.written.value += sent
    # Connections of clients are not transfer.
    metrics.tcp.series('peer="src"').read.value += 100
    assert read(metrics) == {
        '{op="Recv",zone_locality="local"}': 5,
        '{op="Recv",zone_locality="remote"}': 2,
        '{op="Send",zone_locality="local"}': 50,
        '{op="Send",zone_locality="remote"}': 20,
    }


def test_endpoints_that_are_gone_stay_in_the_sum() -> None:
    metrics = Metrics()
    labels = 'dst_pod="a"'
    for round in range(3):
        series = metrics.tcp.series(labels)
        metrics.transfer_cost.locate(labels, "remote")
        series.read.value += 7
        assert read(metrics)['{op="Recv",zone_locality="remote"}'] == 7 * (round + 1)
        del series
        for now in (0, 700):
            metrics.registry.evict(now + 1000 * round, 600)
        assert len(metrics.tcp.read_bytes_total) == 0
        assert read(metrics)['{op="Recv",zone_locality="remote"}'] == 7 * (round + 1)


def test_what_has_no_series_is_not_kept() -> None:
    metrics = Metrics()
    metrics.tcp.read_bytes_total.limit = metrics.tcp.write_bytes_total.limit = 2
    held = []
    for number in range(5):
        labels = f'dst_pod="p{number}"'
        held.append(metrics.tcp.series(labels))
        metrics.transfer_cost.locate(labels, "local")
        held[-1].read.value = held[-1].written.value = 1
    assert read(metrics) == {'{op="Recv",zone_locality="local"}': 2, '{op="Send",zone_locality="local"}': 2}
