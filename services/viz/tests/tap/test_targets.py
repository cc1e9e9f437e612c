"""Which pods are tapped, and what is said of the others."""

import msgspec
import pytest
from services.viz.tests.mesh import emojivoto, named, pod

from linkerd_contract.viz import TapQuery
from linkerd_viz.inventory import Inventory, Meta, Named, Pod
from linkerd_viz.tap.targets import MAX_PODS, NoTarget, identity_of, request_of, targets


def tappable(name: str, ip: str = "10.42.0.9", **annotations: str) -> Pod:
    made = pod(name, ip=ip)
    notes = {"viz.linkerd.io/tap-enabled": "true"} | {f"viz.linkerd.io/{k}": v for k, v in annotations.items()}
    return msgspec.structs.replace(made, metadata=msgspec.structs.replace(made.metadata, annotations=notes))


def query(kind: str = "pod", name: str = "", selector: str = "") -> TapQuery:
    return TapQuery(kind, "emojivoto", name, selector=selector)


def refusal(inventory: Inventory, asked: TapQuery) -> tuple[int, str]:
    with pytest.raises(NoTarget) as refused:
        targets(inventory, asked)
    return refused.value.status, str(refused.value)


def test_the_others_are_named() -> None:
    inventory = Inventory(
        pods=[tappable("a"), tappable("b", **{"disable-tap": "true"}), pod("c"), pod("d", meshed=False)]
    )
    found = targets(inventory, query())
    assert [p.metadata.name for p in found.pods] == ["a"]
    assert found.warnings == [
        "1 pods (b) have tap disabled by the annotation viz.linkerd.io/disable-tap",
        "1 pods (c) started before viz could make their proxies tappable: kubectl rollout restart them",
    ]


def test_nothing_left_says_why() -> None:
    inventory = emojivoto()
    assert refusal(inventory, query("deployment", "nope")) == (404, "deployment/nope not found in namespace emojivoto")
    status, text = refusal(inventory, query("deployment", "web"))
    assert status == 400
    assert "(web-1-a) started before viz" in text
    assert "(old-1-a) are not meshed" in refusal(inventory, query("deployment", "old"))[1]
    assert refusal(inventory, query("deployment", "idle"))[1].endswith("can be tapped: none runs")


def test_a_namespaces_word_counts() -> None:
    closed = Named(Meta("emojivoto", annotations={"viz.linkerd.io/disable-tap": "true"}))
    assert "have tap disabled" in refusal(Inventory(pods=[tappable("a")], namespaces=[closed]), query())[1]


def labelled(name: str, **labels: str) -> Pod:
    made = tappable(name)
    return msgspec.structs.replace(made, metadata=msgspec.structs.replace(made.metadata, labels=labels))


@pytest.mark.parametrize(
    ("selector", "pods"),
    [("", "abc"), ("app=x", "a"), ("app!=x", "bc"), ("app in (x, y)", "ab"), ("app notin (x)", "bc"), ("!app", "c")],
)
def test_namespace_and_labels(selector: str, pods: str) -> None:
    inventory = Inventory(
        pods=[labelled("a", app="x"), labelled("b", app="y"), tappable("c")], namespaces=[named("emojivoto", "")]
    )
    found = targets(inventory, query("namespace", "emojivoto", selector)).pods
    assert "".join(pod.metadata.name for pod in found) == pods


def test_selectors_that_leave_nothing_or_are_none() -> None:
    inventory = Inventory(pods=[tappable("a")])
    assert "none runs" in refusal(inventory, query(selector="app=x"))[1]
    assert refusal(inventory, query(selector="a,,b"))[1].startswith("selector: 'a,,b' is not a label selector such as")


def test_too_many_are_cut_with_a_word() -> None:
    found = targets(Inventory(pods=[tappable(f"p{i:03}") for i in range(MAX_PODS + 1)]), query())
    assert len(found.pods) == MAX_PODS
    assert found.warnings == [f"only {MAX_PODS} of {MAX_PODS + 1} pods are tapped, the first by name"]


def test_what_proxies_are_asked() -> None:
    asked = TapQuery("pod", "a", path="/x", method="GET", max_rps=100, headers=True)
    request = request_of(asked, 4, False)
    assert (request.max_rps, request.headers, request.header_values) == (25, True, False)
    assert (request.match.path_prefix, request.match.method, request.match.authority) == ("/x", "GET", None)
    assert request_of(asked, 1, True).header_values
    assert not request_of(msgspec.structs.replace(asked, headers=False), 1, True).header_values


@pytest.mark.parametrize(
    ("to", "labels"),
    [
        ({}, {}),
        ({"to_kind": "deployment", "to_name": "b"}, {"deployment": "b", "namespace": "a"}),
        ({"to_kind": "job", "to_name": "j", "to_namespace": "n"}, {"k8s_job": "j", "namespace": "n"}),
        ({"to_kind": "service"}, {"namespace": "a"}),
        ({"to_kind": "namespace", "to_name": "n"}, {"namespace": "n"}),
        ({"to_namespace": "n"}, {"namespace": "n"}),
    ],
)
def test_to(to: dict[str, str], labels: dict[str, str]) -> None:
    assert request_of(TapQuery("pod", "a", **to), 1, False).match.destination_labels == labels  # type: ignore[arg-type]


def test_identity() -> None:
    assert identity_of(pod("a"), "linkerd", "d") == "web.emojivoto.serviceaccount.identity.linkerd.d"
