"""process_*: read from /proc, and nothing to fail on where there is none."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from linkerd_proxy.telemetry.process import ProcessMetrics


def read(collector: ProcessMetrics) -> dict[str, float]:
    return {
        sample.name: sample.value for family in text_string_to_metric_families(collector()) for sample in family.samples
    }


def test_this_process() -> None:
    values = read(ProcessMetrics())
    assert values["process_resident_memory_bytes"] > 1_000_000
    assert values["process_open_fds"] >= 3
    assert values["process_max_fds"] >= values["process_open_fds"]
    assert values["process_cpu_seconds_total"] >= 0
    assert values["process_threads"] >= 1
    assert values["process_uptime_seconds_total"] >= 0
    assert "process_network_receive_bytes_total" in values


def test_without_proc(tmp_path: Path) -> None:
    assert set(read(ProcessMetrics(tmp_path))) == {
        "process_start_time_seconds",
        "process_clock_time_seconds",
        "process_uptime_seconds_total",
        "process_max_fds",
    }
