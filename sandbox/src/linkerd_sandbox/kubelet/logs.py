"""Container logs: pipes into files in the CRI format (`TIME stdout F text`), and reading them back as kubectl asks.

Files lie in the state directory on disk, so `linkerd sandbox logs` still shows them after a crash. One file a run; at
10 MB it becomes `.1` and a new one begins. Following waits for the writer, not for the clock.
"""

import asyncio
import datetime
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

_ROTATE_BYTES: Final = 10 << 20
_CHUNK: Final = 65536
_LONGEST: Final = 16384  # CRI splits longer lines into partial ones

Tap = Callable[[str, bytes], None]
"""Gets (stream, bytes) as they come, and (stream, b"") at the stream's end: who is attached."""


def stamp(moment: float) -> str:
    """RFC 3339 with nanoseconds, UTC, as CRI writes it."""
    whole = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return whole.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def entries(stream: str, data: bytes, moment: float) -> tuple[bytes, bytes]:
    """CRI lines for what `data` completes, and the rest that waits for its newline. PURE."""
    prefix = f"{stamp(moment)} {stream} ".encode()
    *whole, rest = data.split(b"\n")
    out: list[bytes] = []
    for line in whole:
        while len(line) > _LONGEST:
            out += (prefix, b"P ", line[:_LONGEST], b"\n")
            line = line[_LONGEST:]
        out += (prefix, b"F ", line, b"\n")
    while len(rest) > _LONGEST:
        out += (prefix, b"P ", rest[:_LONGEST], b"\n")
        rest = rest[_LONGEST:]
    return b"".join(out), rest


class ContainerLog:
    """The log of one container across its restarts: `N.log` for the Nth run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._loop = asyncio.get_running_loop()
        self._file = -1
        self._path = directory / "0.log"
        self._written = 0
        self._open_pipes = 0
        self._changed = asyncio.Event()
        self.drained: asyncio.Future[None] = self._loop.create_future()
        """Done when the last run's output was read to its end."""
        self.taps: set[Tap] = set()
        self.closed = False
        """No further run will come: who follows may stop."""

    def begin(self, run: int) -> tuple[int, int]:
        """Opens the file of a run; gives the ends for the container's stdout and stderr, which the caller closes."""
        self._begin(run)
        stdout_read, stdout_write = os.pipe2(os.O_CLOEXEC)
        stderr_read, stderr_write = os.pipe2(os.O_CLOEXEC)
        self._open_pipes = 2
        self._follow_pipe(stdout_read, "stdout")
        self._follow_pipe(stderr_read, "stderr")
        return stdout_write, stderr_write

    def begin_terminal(self, run: int, ours: int) -> None:
        """Opens the file of a run whose output comes from our end of a terminal, which stays the caller's."""
        self._begin(run)
        self._open_pipes = 1
        self._follow_pipe(os.dup(ours), "stdout")

    def _begin(self, run: int) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._path = self.directory / f"{run}.log"
        self._reopen()
        for old in self.directory.glob("*.log*"):
            if int(old.name.partition(".")[0]) < run - 1:
                old.unlink(missing_ok=True)
        self.drained = self._loop.create_future()

    def last_text(self, run: int) -> bytes:
        """The text of a run, for a termination message."""
        _, text = _existing(self.directory / f"{run}.log")
        return b"".join(content for _, content in select(text[-65536:], tail_lines=80, since=""))

    def close(self) -> None:
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _reopen(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._written = os.fstat(self._file).st_size

    def _follow_pipe(self, fd: int, stream: str) -> None:
        os.set_blocking(fd, False)
        rest = b""

        def on_readable() -> None:
            nonlocal rest
            try:
                data = os.read(fd, _CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""  # EIO: nobody has the terminal's other end any more
            for tap in tuple(self.taps):
                tap(stream, data)
            if data:
                text, rest = entries(stream, rest + data, _now())
                self._write(text)
                return
            if rest:
                self._write(entries(stream, rest + b"\n", _now())[0])
            self._loop.remove_reader(fd)
            os.close(fd)
            self._open_pipes -= 1
            if not self._open_pipes:
                if self._file >= 0:
                    os.close(self._file)
                    self._file = -1
                if not self.drained.done():
                    self.drained.set_result(None)
                self._wake()

        self._loop.add_reader(fd, on_readable)

    def _write(self, text: bytes) -> None:
        if not text or self._file < 0:
            return
        if self._written > _ROTATE_BYTES:
            self._path.replace(self._path.with_suffix(".log.1"))
            self._reopen()
        os.write(self._file, text)
        self._written += len(text)
        self._wake()

    async def read(
        self,
        *,
        run: int,
        follow: bool,
        tail_lines: int | None,
        timestamps: bool,
        since: str = "",
    ) -> AsyncIterator[bytes]:
        """Lines of a run as kubectl prints them. `since`: entries at or after this RFC 3339 time."""
        path = self.directory / f"{run}.log"
        position, chunk = _existing(path)
        shown = select(chunk, tail_lines=tail_lines, since=since)
        for piece in _batched(shown, timestamps):
            yield piece
        while follow:
            changed = self._changed
            size = path.stat().st_size if path.exists() else 0
            if size < position:
                position = 0  # rotated
            if size > position:
                with path.open("rb") as file:
                    file.seek(position)
                    chunk = file.read(1 << 20)
                position += len(chunk)
                for piece in _batched(select(chunk, tail_lines=None, since=since), timestamps):
                    yield piece
                continue
            if self.closed or (self._path != path) or (self.drained.done() and self._open_pipes == 0):
                return
            await changed.wait()


def _now() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()


def _existing(path: Path) -> tuple[int, bytes]:
    rotated = path.with_suffix(".log.1")
    old = rotated.read_bytes() if rotated.exists() else b""
    new = path.read_bytes() if path.exists() else b""
    return len(new), old + new


def select(text: bytes, *, tail_lines: int | None, since: str) -> list[tuple[bytes, bytes]]:
    """(time, text with its newline) of the CRI entries asked for. PURE."""
    found: list[tuple[bytes, bytes]] = []
    bound = since.encode()
    for line in text.split(b"\n"):  # not splitlines: a carriage return is part of its line
        if not line:
            continue
        moment, _, rest = line.partition(b" ")
        flag, _, content = rest.partition(b" ")[2].partition(b" ")
        if moment >= bound:
            found.append((moment, content + (b"\n" if flag == b"F" else b"")))
    if tail_lines is not None:
        return found[-tail_lines:] if tail_lines else []
    return found


def _batched(found: list[tuple[bytes, bytes]], timestamps: bool) -> Iterator[bytes]:
    for start in range(0, len(found), 256):
        part = found[start : start + 256]
        yield b"".join(moment + b" " + text if timestamps else text for moment, text in part)


def read_plain(directory: Path, run: int | None = None) -> bytes:
    """The text of the last run (or of `run`) from disk, for the CLI when no supervisor answers."""
    runs = sorted(int(path.name.partition(".")[0]) for path in directory.glob("*.log"))
    if not runs:
        return b""
    _, text = _existing(directory / f"{runs[-1] if run is None else run}.log")
    return b"".join(content for _, content in select(text, tail_lines=None, since=""))
