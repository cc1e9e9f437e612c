"""What every namespace has."""

from linkerd_sandbox.controllers import serviceaccount
from linkerd_sandbox.controllers.actions import Create, Patch

NAMESPACE = {"metadata": {"name": "shop"}}


def test_a_new_namespace_gets_both() -> None:
    plan = serviceaccount.reconcile(NAMESPACE, None, None, "PEM")
    names = [(a.body["kind"], a.body["metadata"]["name"]) for a in plan.actions if isinstance(a, Create)]
    assert names == [("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")]


def test_a_changed_bundle_is_put_back() -> None:
    plan = serviceaccount.reconcile(NAMESPACE, {}, {"data": {"ca.crt": "else"}}, "PEM")
    (action,) = plan.actions
    assert isinstance(action, Patch)
    assert action.body == {"data": {"ca.crt": "PEM"}}
    assert serviceaccount.reconcile(NAMESPACE, {}, {"data": {"ca.crt": "PEM"}}, "PEM").actions == []


def test_a_namespace_on_its_way_out_gets_nothing() -> None:
    leaving = {"metadata": {"name": "shop", "deletionTimestamp": "x"}}
    assert serviceaccount.reconcile(leaving, None, None, "PEM").actions == ()
