"""Pods on a node that is not there."""

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS
from linkerd_sandbox.controllers import podgc
from linkerd_sandbox.controllers.actions import Delete, Plan


def _pod(node: str) -> JsonObject:
    spec = {"nodeName": node} if node else {}
    return {"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": spec}


@pytest.mark.parametrize("node", ["", "there"])
def test_others_stay(node: str) -> None:
    assert podgc.reconcile(_pod(node), {"there"}, 0.0, 1000.0) == Plan()


def test_it_goes_after_a_while_at_once() -> None:
    assert podgc.reconcile(_pod("gone"), {"there"}, 100.0, 110.0) == Plan(again_in=30.0)
    plan = podgc.reconcile(_pod("gone"), {"there"}, 100.0, 140.0)
    assert plan.actions == [Delete(PODS, "ns", "p", "u", grace_seconds=0)]
