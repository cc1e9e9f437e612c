"""A small run of the whole: everything starts, every watch is answered, changes reach their readers."""

from pathlib import Path

import pytest
from bench.destination import run as module
from bench.destination.__main__ import rows
from bench.destination.run import Run


async def test_a_small_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PROXIES", 60), ("TARGETS", 60), ("TARGETS_EACH", 3), ("STRIDE", 20), ("POPULAR", 4)):
        monkeypatch.setattr(module, name, value)
    run = Run(120, tmp_path)
    await run.start()
    try:
        await run.connect()
        await run.churn(1.0, 50.0)
        await run.popular_changes(2)
    finally:
        await run.stop()
    figures = run.figures
    assert (figures.changes, len(run.proxies)) == (50, 60)
    assert 0 < figures.change_p50_ms <= figures.change_p99_ms <= figures.change_max_ms
    assert figures.popular_p99_ms > 0
    assert len(rows([figures])) == 13
