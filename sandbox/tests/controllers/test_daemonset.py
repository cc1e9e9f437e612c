"""DaemonSets: a pod a node, replacement, status."""

from sandbox.tests.controllers.objects import a_pod

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import daemonset
from linkerd_sandbox.controllers.actions import Create, Delete, Patch

START = 1767225600.0
NODE: JsonObject = {"metadata": {"name": "sandbox", "labels": {"disk": "fast"}}}


def a_set(**spec: object) -> JsonObject:
    template: JsonObject = {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [], **spec}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "default", "uid": "d1", "generation": 1},
        "spec": {"template": template},
    }


def a_daemon(daemon_set: JsonObject, name: str = "agent-a", **changes: object) -> JsonObject:
    labels = daemonset.new_pod(daemon_set, "sandbox")["metadata"]["labels"]
    return a_pod(name, **({"labels": labels} | changes))


def test_every_selected_node_gets_one() -> None:
    plan = daemonset.reconcile(a_set(), [], [NODE], START)
    created = next(action.body for action in plan.actions if isinstance(action, Create))
    assert created["spec"]["nodeName"] == "sandbox"
    status = next(action.body["status"] for action in plan.actions if isinstance(action, Patch))
    assert (status["desiredNumberScheduled"], status["numberReady"], status["numberUnavailable"]) == (1, 0, 1)
    plan = daemonset.reconcile(a_set(nodeSelector={"disk": "slow"}), [], [NODE], START)
    assert not any(isinstance(action, Create) for action in plan.actions)


def test_a_settled_set_has_nothing_to_do() -> None:
    agent = a_set()
    first = daemonset.reconcile(agent, [a_daemon(agent)], [NODE], START)
    agent["status"] = next(action.body["status"] for action in first.actions if isinstance(action, Patch))
    assert agent["status"]["numberAvailable"] == 1
    assert daemonset.reconcile(agent, [a_daemon(agent)], [NODE], START).actions == []


def test_outdated_and_failed_pods_are_replaced() -> None:
    agent = a_set()
    old = a_daemon(agent)
    agent["spec"]["template"]["metadata"]["annotations"] = {"v": "2"}
    assert [one.name for one in daemonset.reconcile(agent, [old], [NODE], START).actions if isinstance(one, Delete)]
    agent["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert not [one for one in daemonset.reconcile(agent, [old], [NODE], START).actions if isinstance(one, Delete)]
    failed = a_daemon(agent)
    failed["status"]["phase"] = "Failed"
    assert [one for one in daemonset.reconcile(agent, [failed], [NODE], START).actions if isinstance(one, Delete)]
