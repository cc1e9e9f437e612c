"""The measurements that a Prometheus keeps, asked for by PromQL over its HTTP API.

The proxies' series are found by their names and by the labels namespace and pod, which Linkerd's scrape configuration
and our PodMonitor set. Sums by the labels that viz keeps are made over there; quantiles are computed here, by the same
formula as Prometheus's.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence

import aiohttp
import msgspec

from linkerd_viz.families import GAUGES, KEPT, Want
from linkerd_viz.measurements import PodKey, Reading, Readings, Series, Unavailable, Window

_TIMEOUT_SECONDS = 30.0
_MAX_BODY_BYTES = 256 * 1024 * 1024
# More pods than this are asked for by their namespaces.
_NAMED_PODS = 100
_AT_ONCE = 8
_PRESENT = "proxy_build_info"
_PEER = {"inbound": "src", "outbound": "dst"}


class _Sample(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = []


class _Data(msgspec.Struct, frozen=True):
    result: list[_Sample] = []


class _Answer(msgspec.Struct, frozen=True):
    status: str
    data: _Data = _Data()
    error: str = ""


_decode = msgspec.json.Decoder(_Answer).decode


class Prometheus:
    """`url` is Prometheus's own, a path prefix included. The session is the caller's to close."""

    def __init__(self, session: aiohttp.ClientSession, url: str, clock: Callable[[], float] = time.time) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self.now = clock

    async def read(self, pods: Collection[PodKey], wants: Iterable[Want], windows: Sequence[Window]) -> list[Readings]:
        """See Measurements."""
        wants = tuple(wants)
        answers: list[dict[PodKey, list[Reading]]] = [{} for _ in windows]
        if pods:
            known, chosen = set(pods), _selector(pods)
            limit = asyncio.Semaphore(_AT_ONCE)

            async def one(want: Want, index: int) -> None:
                async with limit:
                    await self._want(want, chosen, known, windows[index], answers[index])

            await asyncio.gather(*(one(want, index) for index in range(len(windows)) for want in wants))
        return list(answers)

    async def _want(
        self, want: Want, chosen: str, known: set[PodKey], window: Window, into: dict[PodKey, list[Reading]]
    ) -> None:
        for sample in await self._query(promql(want, chosen, window.seconds), window.end):
            key = (sample.metric.get("namespace", ""), sample.metric.get("pod", ""))
            if key in known and sample.value is not None:
                labels = {name: text for name, text in sample.metric.items() if name not in ("namespace", "pod")}
                into.setdefault(key, []).append((Series(want.family, labels), float(sample.value[1])))

    async def failures(self, pods: Collection[PodKey]) -> dict[PodKey, str]:
        """See Measurements."""
        if not pods:
            return {}
        found = await self._query(f"group by (namespace, pod) ({_PRESENT}{{{_selector(pods)}}})", self.now())
        present = {(sample.metric.get("namespace", ""), sample.metric.get("pod", "")) for sample in found}
        return {pod: f"the Prometheus at {self._url} has no metrics of it" for pod in pods if pod not in present}

    def check_window(self, seconds: float, *, per_pod: bool) -> None:
        """How long Prometheus keeps is its own matter: what is gone is not measured."""

    def step_seconds(self, window_seconds: float) -> float:
        """See Measurements."""
        return 10.0 if window_seconds <= 600 else 60.0

    async def _query(self, text: str, at: float) -> list[_Sample]:
        form = {"query": text, "time": f"{at:.3f}"}
        try:
            async with self._session.post(
                f"{self._url}/api/v1/query", data=form, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > _MAX_BODY_BYTES:
                        raise Unavailable(f"the Prometheus at {self._url} answered with more than 256 MiB")
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            cause = str(error) or type(error).__name__
            raise Unavailable(f"the Prometheus at {self._url} cannot be asked: {cause}") from None
        try:
            answer = _decode(bytes(body))
        except ValueError:
            raise Unavailable(f"what answers at {self._url} is no Prometheus: HTTP {status}") from None
        if answer.status != "success":
            raise Unavailable(f"the Prometheus at {self._url} refused: {answer.error or f'HTTP {status}'}")
        return answer.data.result


def promql(want: Want, chosen: str, seconds: float) -> str:
    """The query for a family: sums of rates, or of values, by pod and by the labels that are kept."""
    matchers = [chosen]
    if want.direction:
        matchers.append(f'direction="{want.direction}"')
    if "peer" in KEPT[want.family]:
        matchers.append(f'peer="{_PEER[want.direction]}"')
    series = f"{want.family}{{{','.join(matchers)}}}"
    inner = series if want.family in GAUGES else f"rate({series}[{seconds:.0f}s])"
    return f"sum by ({','.join(('namespace', 'pod', *KEPT[want.family]))}) ({inner})"


def _selector(pods: Collection[PodKey]) -> str:
    """Matchers for pods; names of Kubernetes have no character that a pattern could take otherwise but the dot."""

    def any_of(names: Iterable[str]) -> str:
        return "|".join(sorted({name.replace(".", r"\\.") for name in names}))

    chosen = f'namespace=~"{any_of(namespace for namespace, _ in pods)}"'
    return chosen if len(pods) > _NAMED_PODS else f'{chosen},pod=~"{any_of(name for _, name in pods)}"'
