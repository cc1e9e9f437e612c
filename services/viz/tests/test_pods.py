"""Pods and their proxies."""

from services.viz.tests.mesh import about, emojivoto, measured

from linkerd_contract.viz import PodRow
from linkerd_viz.pods import pods
from linkerd_viz.store import Store


async def test_rows() -> None:
    store = Store(600)
    store.fail(("emojivoto", "web-1-a"), "HTTP 503")
    mesh = emojivoto()
    mesh.pods[1].metadata.annotations.update(
        {"linkerd.io/proxy-version": "0.1.0", "viz.linkerd.io/tap-enabled": "true"}
    )
    assert (await pods(measured(store), mesh, about("pod"))).rows == [
        PodRow("emojivoto", "emoji-1-a", "deployment/emoji", "Running", True, True, "0.1.0"),
        PodRow("emojivoto", "old-1-a", "deployment/old", "Running", False),
        PodRow("emojivoto", "web-1-a", "deployment/web", "Running", True, failure="HTTP 503"),
    ]


async def test_of_one_namespace() -> None:
    assert (await pods(measured(Store(600)), emojivoto(), about("pod", "other"))).rows == []
