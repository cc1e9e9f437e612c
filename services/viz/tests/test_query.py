"""Parameters, and what outbound series lead to."""

import pytest
from services.viz.tests.mesh import emojivoto

from linkerd_contract.exposition import Labels
from linkerd_viz.query import BadQuery, Destinations, Named, parse_query, pods_of, selected

KINDS = ("deployment", "pod", "service")


def test_defaults() -> None:
    query = parse_query({}, KINDS)
    assert (query.subject, query.window_seconds, query.destination, query.source) == (
        Named("deployment"),
        60.0,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("parameters", "destination"),
    [
        ({"to_kind": "service", "to_name": "web"}, Named("service", "x", "web")),
        ({"to_kind": "service", "to_namespace": "y"}, Named("service", "y")),
        ({"to_namespace": "y"}, Named("namespace", "y", "y")),
        ({"to_kind": "namespace", "to_name": "y"}, Named("namespace", None, "y")),
        ({"to_kind": "authority", "to_name": "a:1"}, Named("authority", None, "a:1")),
        ({}, None),
    ],
)
def test_destinations(parameters: dict[str, str], destination: Named | None) -> None:
    assert parse_query({"namespace": "x", **parameters}, KINDS).destination == destination


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"kind": "frog"}, "kind: 'frog' is not one of deployment, pod, service"),
        ({"from_kind": "service"}, "from_kind: 'service' is not one of"),
        ({"window": "14s"}, "window: 14s: metrics time window needs to be at least 15s"),
        ({"window": "soon"}, "window: 'soon' is not a duration"),
    ],
)
def test_bad_parameters_are_named(parameters: dict[str, str], told: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse_query(parameters, KINDS)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(("text", "seconds"), [("15s", 15.0), ("1m30s", 90.0), ("1h", 3600.0)])
def test_windows(text: str, seconds: float) -> None:
    assert parse_query({"window": text}, KINDS).window_seconds == seconds


def test_pods_of_what_is_named() -> None:
    found = pods_of(emojivoto(), Named("namespace", None, "emojivoto"))
    assert [pod.metadata.name for pod in found] == ["web-1-a", "emoji-1-a"]
    assert [group.name for group in selected(emojivoto(), parse_query({"name": "old"}, KINDS))] == ["old"]


@pytest.mark.parametrize(
    ("labels", "kind", "name"),
    [
        ({"dst_namespace": "emojivoto", "dst_pod": "web-1-a", "dst_deployment": "web"}, "replicaset", "web-1"),
        ({"dst_namespace": "emojivoto", "dst_pod": "web-1-a"}, "deployment", "web"),
        ({"dst_namespace": "emojivoto", "dst_deployment": "api"}, "deployment", "api"),
        ({"dst_namespace": "emojivoto", "dst_k8s_job": "once"}, "job", "once"),
        ({"dst_namespace": "emojivoto", "dst_service": "web-svc"}, "service", "web-svc"),
        ({"dst_namespace": "emojivoto"}, "namespace", "emojivoto"),
        ({"authority": "a:1"}, "authority", "a:1"),
        ({"dst_deployment": "web"}, "deployment", None),
    ],
)
def test_where_series_lead(labels: Labels, kind: str, name: str | None) -> None:
    assert Destinations(emojivoto()).name(labels, kind) == name
