"""Debian's chromium over its DevTools protocol: enough to look at a page, type, and hear what it complains of."""

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from linkerd_testkit.ports import eventually

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no chromium: install it with: sudo apt-get install -y --no-install-recommends chromium",
)
Message = dict[str, Any]
_SHORT = "/tmp"
"""It makes a socket there, whose path may have 107 characters: a machine's own TMPDIR may be too long."""
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--disable-extensions"),
    *("--remote-debugging-port=0", "--disable-dev-shm-usage", "about:blank"),
)


class Page:
    """A tab. `complaints` are its exceptions, console errors and violations of the Content-Security-Policy."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._session = ""
        self.complaints: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def open(self) -> None:
        """A new tab, listened to."""
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")

    async def close(self) -> None:
        """Stop listening."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def call(self, method: str, **params: object) -> Message:
        """One command. Raises RuntimeError with chromium's words."""
        number = next(self._ids)
        message: Message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps(message))
        answer = await asyncio.wait_for(self._waiting[number], 60)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: Message = answer["result"]
        return result

    async def _read(self) -> None:
        async for text in self._socket:
            message: Message = json.loads(text)
            if (waiting := self._waiting.pop(message.get("id", 0), None)) and not waiting.done():
                waiting.set_result(message)
            params = message.get("params", {})
            match message.get("method"):
                case "Runtime.exceptionThrown":
                    details = params["exceptionDetails"]
                    self.complaints.append(details.get("exception", {}).get("description", details["text"]))
                case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                    self.complaints.append(f"console: {[a.get('value', a.get('description')) for a in params['args']]}")
                case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                    self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    async def goto(self, url: str) -> None:
        """Load anew, until its parts are loaded."""
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def eval(self, expression: str) -> Any:
        """The value of an expression, awaited. Raises RuntimeError where it throws."""
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = 60) -> None:
        """Wait until an expression is true. Raises TimeoutError."""
        await eventually(lambda: self.eval(f"Boolean({expression})"), seconds=seconds, what=expression)

    async def text(self, selector: str = "main") -> str:
        """What is written there."""
        return str(await self.eval(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def look(self, width: int = 1280, height: int = 800, scheme: str = "light", scale: float = 1) -> None:
        """A screen and a preferred colour scheme."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **metrics)
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def press(self, key: str, code: int = 0, text: str = "") -> None:
        """One key; `code` is its Windows virtual key code."""
        down: dict[str, object] = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **down)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **down)

    async def picture(self, file: Path, whole: bool = True) -> None:
        """A PNG of the page."""
        answer = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(answer["data"]))


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """A browser of its own with one tab; nothing of it is left."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True, dir=_SHORT) as profile:
        process = await asyncio.create_subprocess_exec(
            *(CHROMIUM, f"--user-data-dir={profile}", *_FLAGS),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": _SHORT},
            start_new_session=True,
        )
        try:
            ports = Path(profile, "DevToolsActivePort")
            await eventually(lambda: ports.exists() and ports.read_text().count("\n"), seconds=60, what="chromium")
            port, path = ports.read_text().split("\n")[:2]
            async with connect(
                f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None, open_timeout=60, ping_interval=None
            ) as socket:
                page = Page(socket)
                await page.open()
                yield page
                await page.close()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
