"""The process: starts alone, says what it lacks, scrapes, answers, stops."""

import json
import signal
import sys
from pathlib import Path

import aiohttp
import yaml
from services.viz.tests.test_scraper import PAGE, _proxy

from linkerd_testkit.kube import FakeKube, fake_kube
from linkerd_testkit.ports import eventually, free_port, listening
from linkerd_testkit.processes import running

COMMAND = (sys.executable, "-m", "linkerd_viz")


def _environment(kube: FakeKube, directory: Path, admin: int, debug: int) -> dict[str, str]:
    kubeconfig = directory / "config"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
                "clusters": [{"name": "x", "cluster": {"server": kube.url}}],
                "users": [{"name": "x", "user": {}}],
            }
        )
    )
    return {
        "KUBECONFIG": str(kubeconfig),
        "LINKERD_ADMIN_ADDR": f"127.0.0.1:{admin}",
        "LINKERD_DEBUG_ADDR": f"127.0.0.1:{debug}",
        "LINKERD_VIZ_SCRAPE_INTERVAL": "50ms",
        "LINKERD_VIZ_RETENTION": "60s",
    }


async def test_starts_before_the_api_server_answers_and_becomes_ready(tmp_path: Path) -> None:
    admin, debug = free_port(), free_port()
    async with fake_kube() as kube, _proxy(PAGE) as port:
        kube.down = True
        async with running(*COMMAND, env=_environment(kube, tmp_path, admin, debug)) as process:
            await listening(admin)
            async with aiohttp.ClientSession() as session:

                async def get(url: str) -> tuple[int, str]:
                    async with session.get(url) as response:
                        return response.status, await response.text()

                assert await get(f"http://127.0.0.1:{admin}/live") == (200, "live\n")
                assert await get(f"http://127.0.0.1:{admin}/ready") == (
                    503,
                    "not ready: the cluster's pods are not listed yet\n",
                )
                proxy = {"name": "linkerd-proxy", "ports": [{"name": "linkerd-admin", "containerPort": port}]}
                kube.put(
                    "/api/v1/namespaces/x/pods/a",
                    {"spec": {"containers": [proxy]}, "status": {"phase": "Running", "podIP": "127.0.0.1"}},
                )
                kube.down = False

                async def ready() -> bool:
                    return (await get(f"http://127.0.0.1:{admin}/ready"))[0] == 200

                async def measured() -> bool:
                    status, body = await get(f"http://127.0.0.1:{debug}/api/v1/stat?kind=pod")
                    rows = json.loads(body)["rows"]
                    return status == 200 and bool(rows) and rows[0]["rps"] == 0.0

                await eventually(ready, seconds=30)
                await eventually(measured, seconds=30)
                assert "viz_scrapes_total" in (await get(f"http://127.0.0.1:{admin}/metrics"))[1]
            process.send(signal.SIGTERM)
            assert await process.wait() == 0, process.output
            kube.close_watches()


async def test_without_a_cluster_it_says_so_and_ends() -> None:
    environment = {
        "KUBECONFIG": "/nonexistent",
        "KUBERNETES_SERVICE_HOST": "",
        "LINKERD_ADMIN_ADDR": "127.0.0.1:0",
        "LINKERD_DEBUG_ADDR": "127.0.0.1:0",
    }
    async with running(*COMMAND, env=environment) as process:
        assert await process.wait() == 1
        assert "/nonexistent does not exist" in process.output
