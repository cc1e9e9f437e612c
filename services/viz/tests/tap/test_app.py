"""The process: says what it lacks, listens once it is trusted, stops."""

import signal
import sys
from pathlib import Path

import aiohttp
from services.viz.tests.tap.test_keeper import bundle, register
from services.viz.tests.tap.world import FrontProxy, asking
from services.viz.tests.test_app import _environment

from linkerd_testkit.kube import fake_kube
from linkerd_testkit.ports import eventually, free_port, listening
from linkerd_testkit.processes import running

COMMAND = (sys.executable, "-m", "linkerd_viz.tap")
URL = "https://127.0.0.1:{}/apis/tap.linkerd.io/v1alpha1"


async def test_life(tmp_path: Path) -> None:
    admin, listen = free_port(), free_port()
    front = FrontProxy(tmp_path / "front")
    async with fake_kube() as kube:
        environment = _environment(kube, tmp_path, admin, free_port()) | {
            "LINKERD_LISTEN_ADDR": f"127.0.0.1:{listen}",
            "LINKERD_WEBHOOK_ADDR": f"127.0.0.1:{free_port()}",
            "LINKERD_IDENTITY_DIR": str(tmp_path),
        }
        async with running(*COMMAND, env=environment) as process, aiohttp.ClientSession() as session:
            await listening(admin)

            async def unready(words: str) -> bool:
                async with session.get(f"http://127.0.0.1:{admin}/ready") as response:
                    return await response.text() == f"not ready: {words}\n"

            register(kube, front)
            trust = "trust bundle in ConfigMap linkerd-identity-trust-roots"
            await eventually(
                lambda: unready(f"{trust}; certificate of the mesh not issued yet"), what="only trust lacks"
            )
            async with (
                asking(front.context(bundle(kube))) as http,
                http.get(URL.format(listen), server_hostname="tap.linkerd-viz.svc") as said,
            ):
                assert (await said.json())["kind"] == "APIResourceList"
            async with session.get(f"http://127.0.0.1:{admin}/metrics") as response:
                assert "linkerd_viz_taps 0.0" in await response.text()
            process.send(signal.SIGTERM)
            assert await process.wait() == 0, process.output
            kube.close_watches()
