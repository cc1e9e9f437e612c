"""Reaching the metrics API: what can go wrong is one line."""

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.problem import Problem


async def _said(terminal: Terminal) -> str:
    said = await terminal.linkerd("viz", "stat", "deploy")
    assert (said.code, said.out) == (1, "")
    assert said.err.count("\n") == 1
    return said.err


async def test_not_installed(terminal: Terminal, kube: Cluster) -> None:
    assert await _said(terminal) == (
        "Error: viz's metrics API is not running in namespace linkerd-viz: no pod; "
        "install it with `linkerd viz install | kubectl apply -f -`\n"
    )


async def test_not_ready(terminal: Terminal, kube: Cluster, api: Api) -> None:
    kube.objects["/api/v1/namespaces/linkerd-viz/pods/metrics-api-1"]["status"]["conditions"] = []
    assert await _said(terminal) == (
        "Error: viz's metrics API is not running in namespace linkerd-viz: 1 pods, none of them ready\n"
    )


async def test_nothing_listens(terminal: Terminal, kube: Cluster, api: Api) -> None:
    kube.forwards.clear()
    assert "connection refused" in await _said(terminal)


async def test_a_refusal_in_its_own_words(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = Problem("Bad query", 400, "bad_query", "window: 5s is not between 15s and 600s")
    assert await _said(terminal) == "Error: window: 5s is not between 15s and 600s\n"


async def test_an_answer_of_another_shape(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = {"rows": [{"namespace": 7}]}
    assert "this version cannot read" in await _said(terminal)
