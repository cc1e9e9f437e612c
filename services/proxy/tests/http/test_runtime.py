import asyncio

from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.telemetry.metrics import Metrics


async def test_one_of_each() -> None:
    runtime = Runtime(asyncio.get_running_loop(), Metrics())
    assert not runtime.tls.ready
    assert runtime.turn.loop is runtime.loop
    assert 0 <= runtime.rng() < 1
