"""`linkerd viz dashboard`: where it says to look, what opens it, and that the page is there until it is interrupted."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cli.tests.cluster import Cluster
from cli.tests.terminal import LINKERD, Terminal
from cli.tests.viz.api import Api

from linkerd_cli.viz.dashboard import browser, url_of
from linkerd_runtime.process import serve
from linkerd_testkit.ports import eventually, free_port
from linkerd_testkit.processes import Process, running


@pytest.fixture
def page(api: Api) -> Api:
    """viz, with something at "/"."""
    api.answers["/"] = {"page": 1}
    return api


@asynccontextmanager
async def _dashboard(terminal: Terminal, *flags: str) -> AsyncIterator[Process]:
    async with running(LINKERD, "viz", "dashboard", *flags, env=terminal.environment) as process:
        yield process


async def _read(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


@pytest.mark.usefixtures("interruptible")
async def test_an_address_that_answers_until_interrupted(terminal: Terminal, kube: Cluster, page: Api) -> None:
    port = free_port()
    async with _dashboard(terminal, "--address", "127.0.0.1", "-p", str(port), "--show", "url") as process:
        await process.says(f"Linkerd dashboard available at:\nhttp://localhost:{port}\n")
        assert await _read(f"http://127.0.0.1:{port}/") == (200, '{"page":1}')
        process.send(signal.SIGINT)
        assert await process.wait() == 130
        assert process.output == f"Linkerd dashboard available at:\nhttp://localhost:{port}\n"
        with pytest.raises(aiohttp.ClientConnectorError):
            await _read(f"http://127.0.0.1:{port}/")


async def test_another_pod_takes_over(terminal: Terminal, kube: Cluster, page: Api) -> None:
    """After a rollout of viz the page goes on where it was."""
    async with _dashboard(terminal, "--address", "127.0.0.1", "-p", "0", "--show", "url") as process:
        url = (await process.says("http://localhost:")).splitlines()[1].replace("localhost", "127.0.0.1")
        await eventually(lambda: process.output.endswith("\n"))
        assert (await _read(url))[0] == 200

        async def second(_request: web.Request) -> web.Response:
            return web.Response(text="second")

        app = web.Application()
        app.router.add_get("/", second)
        runner = await serve(app, "127.0.0.1", 0)
        labels = {"linkerd.io/extension": "viz", "component": "metrics-api"}
        kube.add_pod("linkerd-viz", "metrics-api-2", labels)
        kube.forwards["metrics-api-2", 9991] = runner.addresses[0][1]
        kube.remove("/api/v1/namespaces/linkerd-viz/pods/metrics-api-1")
        try:
            assert await _read(url) == (200, "second")
        finally:
            await runner.cleanup()


async def test_it_opens_a_browser(terminal: Terminal, kube: Cluster, page: Api) -> None:
    opened = terminal.directory / "opened"
    program = terminal.directory / "firefox"
    program.write_text(f'#!/bin/sh\necho "$@" > {opened}.part; mv {opened}.part {opened}\n')
    program.chmod(0o755)
    terminal.environment["BROWSER"] = f"/nowhere/frog:{program} --new-tab %s"
    async with _dashboard(terminal, "-p", "0") as process:
        output = await process.says("Opening Linkerd dashboard in the default browser\n")
        await eventually(opened.exists)
        assert opened.read_text() == f"--new-tab {output.splitlines()[1]}\n"


async def test_without_a_browser_it_says_so(terminal: Terminal, kube: Cluster, page: Api) -> None:
    async with _dashboard(terminal, "-p", "0") as process:
        await process.says("No browser was found here: open the address in one\n")


async def test_not_installed(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("viz", "dashboard")
    assert (said.code, said.out) == (1, "")
    assert "not running in namespace linkerd-viz: no pod; install it with `linkerd viz install" in said.err


async def test_a_viz_without_a_dashboard(terminal: Terminal, kube: Cluster) -> None:
    async def missing(_request: web.Request) -> web.Response:
        return web.Response(status=404, text="no such page")

    app = web.Application()
    app.router.add_get("/", missing)
    runner = await serve(app, "127.0.0.1", 0)
    kube.add_pod("linkerd-viz", "metrics-api-1", {"linkerd.io/extension": "viz", "component": "metrics-api"})
    kube.forwards["metrics-api-1", 9991] = runner.addresses[0][1]
    said = await terminal.linkerd("viz", "dashboard")
    await runner.cleanup()
    assert (said.code, said.out) == (1, "")
    assert "linkerd-viz/metrics-api-1" in said.err
    assert "no such page" in said.err


async def test_a_port_that_is_taken(terminal: Terminal, kube: Cluster, page: Api) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    said = await terminal.linkerd("viz", "dashboard", "--address", "127.0.0.1", "-p", str(port))
    server.close()
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: 127.0.0.1:{port}: ")
    assert said.err.endswith("is another `linkerd viz dashboard` running? -p takes another port\n")


@pytest.mark.parametrize("port", ["x", "-1", "65536", "²"])
async def test_bad_ports(terminal: Terminal, port: str) -> None:
    said = await terminal.linkerd("viz", "dashboard", f"-p={port}")
    assert (said.code, said.out) == (1, "")
    assert "is not a port" in said.err


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("localhost", "http://localhost:1"),
        ("0.0.0.0", "http://localhost:1"),
        ("::", "http://localhost:1"),
        ("10.1.2.3", "http://10.1.2.3:1"),
        ("fd00::1", "http://[fd00::1]:1"),
    ],
)
def test_url(address: str, url: str) -> None:
    assert url_of(address, 1) == url


def test_which_browser(tmp_path: Path) -> None:
    assert browser({"PATH": str(tmp_path)}, "linux") is None
    assert browser({"PATH": str(tmp_path), "DISPLAY": ":0"}, "linux") is None
    assert browser({"PATH": str(tmp_path)}, "darwin") == ["open"]
    program = tmp_path / "xdg-open"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert browser({"PATH": str(tmp_path)}, "linux") is None  # nobody would see it
    assert browser({"PATH": str(tmp_path), "WAYLAND_DISPLAY": "w"}, "linux") == [str(program)]
