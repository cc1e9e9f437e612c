"""Which pods a name means; the faults themselves are in test_developer, on a whole sandbox."""

from typing import cast

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.faults.errors import FaultRefused
from linkerd_sandbox.faults.pods import chosen, number
from linkerd_sandbox.kubelet.node import Node
from linkerd_sandbox.kubelet.pod import Pod


async def pods() -> list[Pod]:
    def made(name: str, **meta: object) -> Pod:
        obj: JsonObject = {"metadata": {"name": name, "namespace": "n", "uid": name, **meta}, "spec": {}}
        return Pod(cast(Node, None), obj)

    of_web = {"generateName": "web-5d9-", "labels": {"pod-template-hash": "5d9"}}
    other = {"generateName": "web-extra-77-", "labels": {"pod-template-hash": "77"}}
    return [made("web-5d9-a", **of_web), made("web-5d9-b", **of_web), made("web-extra-77-c", **other), made("dns")]


async def test_names() -> None:
    found = await pods()
    assert [pod.name for pod in chosen(found, "n", "deploy/web")] == ["web-5d9-a", "web-5d9-b"]
    assert [pod.name for pod in chosen(found, "n", "deployment/web-extra")] == ["web-extra-77-c"]
    assert [pod.name for pod in chosen(found, "n", "pod/dns")] == ["dns"]
    assert [pod.name for pod in chosen(found, "n", "web-5d9-b")] == ["web-5d9-b"]


@pytest.mark.parametrize("target", ["web", "deploy/dns", "deploy/", ""])
async def test_nobody_of_that_name(target: str) -> None:
    with pytest.raises(FaultRefused, match="no pod of"):
        chosen(await pods(), "n", target)
    with pytest.raises(FaultRefused, match='in namespace "other"'):
        chosen(await pods(), "other", "dns")


@pytest.mark.parametrize("text", ["", "x", "-1", "101", "1.5", "\u0665"])
def test_amounts(text: str) -> None:
    with pytest.raises(FaultRefused, match="how many percent"):
        number("loss", text, "percent", 100)
