"""The socket that faults are asked for on."""

import asyncio
import json
from pathlib import Path

import pytest

from linkerd_sandbox.faults.components import Components
from linkerd_sandbox.faults.control import Control
from linkerd_sandbox.faults.network import LinkFaults
from linkerd_sandbox.faults.pods import PodFaults


async def exchange(path: str, line: bytes) -> dict[str, object]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line + b"\n")
    found: dict[str, object] = json.loads(await asyncio.wait_for(reader.readline(), 30))
    writer.close()
    return found


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b'{"action": "delay", "target": "dns", "amount": "50"}', {"done": ["dns"]}),
        (b'{"action": "loss", "target": "dns", "amount": "x"}', "how many percent"),
        (b'{"action": "clock", "target": "dns"}', "is for pods"),
        (b'{"action": "kill", "target": "nobody"}', 'no pod of pod "nobody" runs in namespace "default"'),
        (b"[1]", "not a JSON object"),
        (b"nonsense", "not a JSON object"),
    ],
)
async def test_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes, answer: object) -> None:
    monkeypatch.chdir(tmp_path)  # whose own name may be too long for a socket's
    parts = Components()
    control = Control(tmp_path / "sock", parts, PodFaults(list, LinkFaults("nft", ())))
    running = asyncio.create_task(control.run())
    try:
        while not (tmp_path / "sock").exists():
            await asyncio.sleep(0.01)
        found = await exchange("sock", line)
        if isinstance(answer, dict):
            assert found == answer
            assert parts["dns"].gate.faulty
        else:
            assert str(answer) in str(found["error"])
        assert (tmp_path / "sock").stat().st_mode & 0o777 == 0o600
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
