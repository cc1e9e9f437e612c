"""The process of a command."""

import asyncio
import base64
import signal

import pytest
import yaml
from cli.tests.terminal import LINKERD, Terminal

from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import eventually
from linkerd_testkit.processes import running


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
async def test_a_command_that_is_ended_leaves_no_key_behind(terminal: Terminal, ending: signal.Signals) -> None:
    """What a kubeconfig holds in base64 has to be in a file to be used."""
    authority = Authority()
    chain, key = authority.leaf("somebody").write(terminal.directory / "leaf")
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    terminal.connect(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    kubeconfig = terminal.directory / "kubeconfig"
    document = yaml.safe_load(kubeconfig.read_text())
    document["clusters"][0]["cluster"]["certificate-authority-data"] = encoded(authority.anchors.encode())
    document["users"][0]["user"] = {
        "client-certificate-data": encoded(chain.read_bytes()),
        "client-key-data": encoded(key.read_bytes()),
    }
    kubeconfig.write_text(yaml.safe_dump(document))
    temporary = terminal.directory / "temporary"
    temporary.mkdir()
    environment = terminal.environment | {"TMPDIR": str(temporary)}
    async with server, running(LINKERD, "identity", "-n", "linkerd", "x", env=environment) as process:
        await asyncio.wait_for(asked.wait(), 60)
        assert len(list(temporary.iterdir())) == 3
        process.send(ending)
        assert await process.wait() == 128 + ending
        assert process.output == ""
    await eventually(lambda: not list(temporary.iterdir()))
