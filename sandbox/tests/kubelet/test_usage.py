"""CPU and memory from /proc."""

import os

from linkerd_sandbox.kubelet import usage


def test_fields_of_stat() -> None:
    fields = ["S", "1", "1", "1", "0", "-1", "0", "0", "0", "0", "0", "100", "50", "20", "30", *["0"] * 30]
    ticks = os.sysconf("SC_CLK_TCK")
    assert usage.cpu_seconds(f"12 (a (name) of it) {' '.join(fields)}") == 200 / ticks


def test_memory_is_the_shared_out_part() -> None:
    assert usage.pss_bytes("Rss:   100 kB\nPss:    40 kB\nPss_Anon:  30 kB\n") == 40 << 10


def test_this_process_is_found() -> None:
    namespace = usage.namespace_of(os.getpid())
    sums = usage.by_namespace(memory=True)
    assert sums[namespace].cpu_seconds > 0
    assert sums[namespace].memory_bytes > 1 << 20
    assert usage.namespace_of(1 << 30) == ""
