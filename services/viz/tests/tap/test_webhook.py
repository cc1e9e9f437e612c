"""The webhook over HTTP."""

import json

import aiohttp
import msgspec
from services.viz.tests.mesh import named

from linkerd_runtime.process import serve
from linkerd_viz.inventory import Inventory
from linkerd_viz.tap.webhook import webhook_app

CLOSED = msgspec.structs.replace(
    named("closed", ""),
    metadata=msgspec.structs.replace(named("closed", "").metadata, annotations={"viz.linkerd.io/disable-tap": "true"}),
)
POD = {"metadata": {}, "spec": {"containers": [{"name": "linkerd-proxy"}]}}


async def test_reviews() -> None:
    runner = await serve(webhook_app(lambda: Inventory(namespaces=[CLOSED]), "tap"), "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
            for namespace, obj, patched in (("open", POD, True), ("closed", POD, False), ("open", None, False)):
                asked = {"uid": "u", "namespace": namespace, "object": obj}
                body = json.dumps({"apiVersion": "admission.k8s.io/v1", "request": asked})
                async with http.post("/", data=body) as said:
                    response = (await said.json())["response"]
                assert (response["allowed"], "patch" in response) == (True, patched)
            async with http.post("/", data=b"{}") as said:
                assert (said.status, said.content_type) == (400, "application/problem+json")
    finally:
        await runner.cleanup()
