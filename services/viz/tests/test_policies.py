"""Figures of Servers, routes and authorizations."""

import pytest
from services.viz.tests.mesh import emojivoto, measured, scrape

from linkerd_contract.viz import StatRow
from linkerd_viz.measurements import BadWindow
from linkerd_viz.query import BadQuery, Named, Query
from linkerd_viz.selectors import parse_selector
from linkerd_viz.stat import stat
from linkerd_viz.store import Store

WEB = ("emojivoto", "web-1-a")
SERVER = 'direction="inbound",srv_kind="Server",srv_name="web-http"'
ROUTE = 'route_kind="HTTPRoute",route_name="read"'
ALLOWED = f'{SERVER},{ROUTE},authz_kind="authorizationpolicy",authz_name="readers"'
OTHER = f'{SERVER},route_kind="default",route_name="default",authz_kind="serverauthorization",authz_name="all"'
DEFAULT = (
    'direction="inbound",srv_kind="default",srv_name="all-unauthenticated",route_kind="default",route_name="probe",'
    'authz_kind="default",authz_name="probe"'
)


def page(count: int) -> str:
    """Requests to a Server, by a route and by none, some of them refused; probes."""
    return "".join(
        [
            f'response_total{{{ALLOWED},classification="success"}} {count * 3}\n',
            f'response_total{{{ALLOWED},classification="failure"}} {count}\n',
            f'response_latency_ms_bucket{{{ALLOWED},le="10"}} {count * 4}\n',
            f'response_latency_ms_bucket{{{ALLOWED},le="+Inf"}} {count * 4}\n',
            f'response_total{{{OTHER},classification="success"}} {count}\n',
            f"inbound_http_authz_deny_total{{{SERVER},{ROUTE}}} {count * 2}\n",
            f'response_total{{{DEFAULT},classification="success"}} {count}\n',
        ]
    )


@pytest.fixture
def store() -> Store:
    store = Store(600)
    scrape(store, WEB, 10, page(0))
    scrape(store, WEB, 20, page(10))
    return store


async def rows(store: Store, kind: str, namespace: str | None = None, name: str | None = None) -> list[StatRow]:
    return (await stat(measured(store), emojivoto(), Query(Named(kind, namespace, name)))).rows


def row(kind: str, name: str, success: float, rps: float, denied: float | None = None) -> StatRow:
    p50, p95, p99 = (5.0, 9.5, 9.9) if name != "all" else (None, None, None)
    return StatRow("emojivoto", kind, name, "", 0, 0, success, rps, p50, p95, p99, denied_rps=denied)


@pytest.mark.parametrize(
    "expected",
    [
        row("server", "web-http", 0.8, 5.0, 2.0),
        row("httproute", "read", 0.75, 4.0, 2.0),
        row("authorizationpolicy", "readers", 0.75, 4.0),
        row("serverauthorization", "all", 1.0, 1.0),
    ],
    ids=lambda row: row.kind,
)
async def test_rows(store: Store, expected: StatRow) -> None:
    assert await rows(store, expected.kind) == [expected]
    assert await rows(store, expected.kind, "emojivoto", expected.name) == [expected]
    assert await rows(store, expected.kind, "other") == []
    assert await rows(store, expected.kind, "emojivoto", "other") == []


async def test_pods_that_cannot_be_scraped_are_named(store: Store) -> None:
    store.fail(WEB, "refused")
    found = await stat(measured(store), emojivoto(), Query(Named("server")))
    assert found.unscraped == ["emojivoto/web-1-a"]


async def test_what_cannot_be_asked(store: Store) -> None:
    for query, told in (
        (Query(Named("server"), destination=Named("deployment")), "to: of no use with kind server"),
        (Query(Named("server"), source=Named("deployment")), "from: of no use with kind server"),
        (Query(Named("httproute"), selector=parse_selector("a=b")), "selector: of no use with kind httproute"),
    ):
        with pytest.raises(BadQuery, match=told):
            await stat(measured(store), emojivoto(), query)
    with pytest.raises(BadWindow):
        await stat(measured(store), emojivoto(), Query(Named("server"), window_seconds=601))
