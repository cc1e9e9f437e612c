"""The first worker's side: starts the followers, keeps them going, asks them, drains them."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from linkerd_contract.tap import TapEvent, TapRequest
from linkerd_proxy.telemetry import Counter
from linkerd_proxy.telemetry.merge import Lives
from linkerd_proxy.workers.channel import Channel, ToFollower
from linkerd_runtime.certify import Credentials

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0
BACKOFF_FIRST, BACKOFF_LAST = 0.1, 10.0
STEADY_SECONDS = 60.0
"""A follower that lived as long is started again at once when it ends."""
LATE_SECONDS = 5.0
"""How long a follower may take to end after the grace period, before it is killed."""

METRICS = "metrics"
"""What followers are asked for their metrics by."""
FOLLOW = "follow"
"""The argument that makes a process a follower; the descriptor of its socket is the next one."""


class Sink(Protocol):
    """Who takes what a tap sees at the other workers."""

    def take(self, worker: int, event: TapEvent) -> None:
        """One event of this worker's."""

    def gone(self, worker: int) -> None:
        """That worker has ended: nothing follows of the requests that it had."""


class _Tap(NamedTuple):
    request: TapRequest
    sink: Sink


class Followers:
    """All of them. `run` each as a background task."""

    def __init__(self, count: int, restarts: Counter) -> None:
        self._followers = [_Follower(number, self, restarts) for number in range(2, count + 2)]
        self.credentials: Credentials | None = None
        self.log_level: str | None = None
        self.taps: dict[int, _Tap] = {}
        self._stopping = False

    def is_stopping(self) -> bool:
        """Whether they are drained, and none is started again."""
        return self._stopping

    @property
    def ready(self) -> bool:
        """Whether all of them listen."""
        return all(follower.ready for follower in self._followers)

    async def run(self) -> None:
        """Start them, and again those that end, until told to drain."""
        async with asyncio.TaskGroup() as group:
            for follower in self._followers:
                group.create_task(follower.run())

    def certified(self, credentials: Credentials) -> None:
        """Hand a certificate on, also to those that start later."""
        self.credentials = credentials
        self._tell(ToFollower(credentials=credentials))

    def set_log_level(self, text: str) -> None:
        """Hand a log filter on, also to those that start later."""
        self.log_level = text
        self._tell(ToFollower(log_level=text))

    def tap(self, number: int, request: TapRequest, sink: Sink) -> None:
        """Let them tap too, also those that start later, until `end_tap`."""
        self.taps[number] = _Tap(request, sink)
        self._tell(ToFollower(tap=number, request=request))

    def end_tap(self, number: int) -> None:
        """No more."""
        del self.taps[number]
        self._tell(ToFollower(tap=number))

    async def metrics(self) -> list[bytes]:
        """Of each, also of one that does not answer: what it has counted so far."""
        return [text for text in await asyncio.gather(*[one.metrics() for one in self._followers]) if text]

    async def ask(self, what: str) -> list[bytes]:
        """The answers of those that give one in time."""
        answers = await asyncio.gather(*[follower.ask(what) for follower in self._followers])
        return [answer for answer in answers if answer is not None]

    async def drain(self, grace_seconds: float) -> None:
        """Until all have ended, by force a while after the grace period."""
        self._stopping = True
        self._tell(ToFollower(drain=True))
        await asyncio.gather(*[follower.ended(grace_seconds + LATE_SECONDS) for follower in self._followers])

    def _tell(self, message: ToFollower) -> None:
        for follower in self._followers:
            follower.tell(message)


class _Follower:
    """One of them, over all of its lives."""

    def __init__(self, number: int, all_of_them: Followers, restarts: Counter) -> None:
        self.ready = False
        self._number = number
        self._all = all_of_them
        self._restarts = restarts
        self._channel: Channel | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._questions: dict[int, asyncio.Future[str | None]] = {}
        self._last = 0
        self._lives = Lives()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        wait = BACKOFF_FIRST
        while not self._all.is_stopping():
            began = loop.time()
            code = await self._live()
            if self._all.is_stopping():
                return
            if loop.time() - began > STEADY_SECONDS:
                wait = BACKOFF_FIRST
            log.error("worker %d ended with %s: another one starts in %.1f s", self._number, _end(code), wait)
            self._restarts.value += 1
            await asyncio.sleep(wait)
            wait = min(wait * 2, BACKOFF_LAST)

    def tell(self, message: ToFollower) -> None:
        """Where it is there."""
        if self._channel is not None:
            self._channel.send(message)

    async def ask(self, what: str) -> bytes | None:
        """None where there is no answer in time."""
        if self._channel is None:
            return None
        self._last += 1
        number = self._last
        answer = self._questions[number] = asyncio.get_running_loop().create_future()
        self._channel.send(ToFollower(ask=number, what=what))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                text = await answer
        except TimeoutError:
            log.warning("worker %d does not answer within %g s", self._number, ANSWER_SECONDS)
            return None
        finally:
            del self._questions[number]
        return None if text is None else text.encode()

    async def metrics(self) -> bytes:
        """Of all of its lives; empty before the first answer."""
        channel = self._channel
        answer = await self.ask(METRICS)
        if answer is None or self._channel is not channel:
            return self._lives.text
        return self._lives.seen(answer)

    async def ended(self, seconds: float) -> None:
        """Until its process has ended, by force after `seconds`."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            log.error("worker %d has not drained: killed", self._number)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _live(self) -> int:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *_command(theirs.fileno()), stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        channel = self._channel = await Channel.of(ours)
        if self._all.log_level is not None:
            self.tell(ToFollower(log_level=self._all.log_level))
        if self._all.credentials is not None:
            self.tell(ToFollower(credentials=self._all.credentials))
        for number, tap in self._all.taps.items():
            self.tell(ToFollower(tap=number, request=tap.request))
        try:
            await self._listen(channel)
            return await process.wait()
        finally:
            self.ready = False
            self._lives.ended()
            self._channel = None
            channel.close()
            for tap in self._all.taps.values():
                tap.sink.gone(self._number)
            for question in self._questions.values():
                if not question.done():
                    question.set_result(None)

    async def _listen(self, channel: Channel) -> None:
        async for message in channel.to_leader():
            if message.ready:
                self.ready = True
            tap = self._all.taps.get(message.tap)
            if tap is not None:
                for event in message.events:
                    tap.sink.take(self._number, event)
            question = self._questions.get(message.answers)
            if question is not None and not question.done():
                question.set_result(message.text)


def _command(descriptor: int) -> Sequence[str]:
    return (sys.executable, "-m", "linkerd_proxy", FOLLOW, str(descriptor))


def _end(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
