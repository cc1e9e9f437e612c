"""What workloads were asked, by Server and route."""

import pytest
from services.viz.tests.mesh import about, emojivoto, measured, scrape

from linkerd_contract.viz import StatInboundRow
from linkerd_viz.measurements import BadWindow
from linkerd_viz.query import Named, Query
from linkerd_viz.selectors import parse_selector
from linkerd_viz.stat_inbound import route_of, stat_inbound
from linkerd_viz.store import Store

WEB = ("emojivoto", "web-1-a")
SERVER = 'direction="inbound",srv_kind="server",srv_name="web-http",srv_port="8080"'
VOTES = f'{SERVER},route_kind="HTTPRoute",route_name="votes"'
DEFAULT = 'direction="inbound",srv_kind="default",srv_name="all-unauthenticated",srv_port="9090",route_kind="default"'


def page(count: int) -> str:
    """A route of a Server that fails now and then, the Server's default, and a port without a Server."""
    return "".join(
        [
            f'response_total{{{VOTES},classification="success",client_id="a"}} {count * 9}\n',
            f'response_total{{{VOTES},classification="failure",client_id="b"}} {count}\n',
            f'response_latency_ms_bucket{{{VOTES},le="2"}} {count * 10}\n',
            f'response_latency_ms_bucket{{{VOTES},le="+Inf"}} {count * 10}\n',
            f'response_total{{{SERVER},route_kind="default",route_name="default",classification="success"}} 7\n',
            f'response_total{{{DEFAULT},route_name="default",classification="success"}} {count}\n',
            f'response_total{{{DEFAULT},route_name="probe",classification="success"}} {count * 2}\n',
            'response_total{direction="outbound",classification="success"} 99\n',
        ]
    )


@pytest.fixture
def store() -> Store:
    store = Store(600)
    scrape(store, WEB, 10, page(0))
    scrape(store, WEB, 20, page(10))
    return store


async def test_rows_are_routes_that_were_used(store: Store) -> None:
    response = await stat_inbound(measured(store), emojivoto(), about())
    assert response.rows == [
        StatInboundRow("emojivoto", "web", "[default]", "9090", "[default]", "", 1.0, 1.0),
        StatInboundRow("emojivoto", "web", "[default]", "9090", "probe", "", 1.0, 2.0),
        StatInboundRow(
            *("emojivoto", "web", "web-http", "8080", "votes", "HTTPRoute"),
            success=0.9,
            rps=10.0,
            latency_p50=1.0,
            latency_p95=1.9,
            latency_p99=1.98,
        ),
    ]
    assert response.unscraped == []


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        (Query(Named("namespace")), {"emojivoto"}),
        (Query(Named("pod", "emojivoto")), {"web-1-a"}),
        (Query(Named("deployment", "emojivoto", "emoji")), set()),
        (Query(Named("deployment", "other")), set()),
        (Query(Named("deployment"), selector=parse_selector("tier=front")), {"web"}),
        (Query(Named("deployment"), selector=parse_selector("tier=back")), set()),
    ],
)
async def test_whose(store: Store, subject: Query, names: set[str]) -> None:
    assert {row.name for row in (await stat_inbound(measured(store), emojivoto(), subject)).rows} == names


async def test_a_window_that_is_not_kept_is_refused(store: Store) -> None:
    with pytest.raises(BadWindow):
        await stat_inbound(measured(store), emojivoto(), Query(Named("deployment"), window_seconds=601))


async def test_pods_that_cannot_be_scraped_are_named() -> None:
    store = Store(600)
    store.fail(WEB, "refused")
    assert (await stat_inbound(measured(store), emojivoto(), about())).unscraped == ["emojivoto/web-1-a"]


@pytest.mark.parametrize(
    ("kind", "name", "shown"),
    [
        ("default", "default", ("[default]", "")),
        ("default", "probe", ("probe", "")),
        ("HTTPRoute", "a", ("a", "HTTPRoute")),
    ],
)
def test_names_of_routes(kind: str, name: str, shown: tuple[str, str]) -> None:
    assert route_of({"route_kind": kind, "route_name": name}) == shown
