"""Problems are said once, and cost little."""

import asyncio
from typing import cast

import pytest

from linkerd_destination.status.reports import Reports
from linkerd_kube import EventRecorder, ObjectRef
from linkerd_testkit.ports import eventually

POD = ObjectRef("Pod", "p", "ns", "u")


class Recorder:
    def __init__(self) -> None:
        self.events: list[tuple[ObjectRef, str, str, str]] = []

    async def record(self, ref: ObjectRef, kind: str, reason: str, message: str) -> None:
        self.events.append((ref, kind, reason, message))


async def test_what_was_said_is_not_said_again(caplog: pytest.LogCaptureFixture) -> None:
    reports = Reports()
    recorder = Recorder()
    task = asyncio.create_task(reports.run(cast("EventRecorder", recorder)))
    assert reports.report(POD, "Unreadable", "bad")
    assert not reports.report(POD, "Unreadable", "bad")
    assert reports.report(POD, "Unreadable", "worse")
    await eventually(lambda: len(recorder.events) == 2)
    assert recorder.events[0] == (POD, "Warning", "Unreadable", "bad")
    assert caplog.messages == ["Pod ns/p: Unreadable: bad", "Pod ns/p: Unreadable: worse"]
    task.cancel()
    await asyncio.wait((task,))


async def test_a_flood_is_bounded() -> None:
    reports = Reports()
    for n in range(10_000):
        assert reports.report(POD, "R", str(n))
    assert reports._queue.qsize() == 256
    assert len(reports._said) == 4096
