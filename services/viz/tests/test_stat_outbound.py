"""What workloads send, by service, route and backend."""

import pytest
from services.viz.tests.mesh import about, emojivoto, measured, scrape

from linkerd_contract.viz import StatOutboundRow
from linkerd_viz.measurements import BadWindow
from linkerd_viz.query import Named, Query
from linkerd_viz.stat_outbound import stat_outbound
from linkerd_viz.store import Store

WEB = ("emojivoto", "web-1-a")
VOTING = 'parent_kind="Service",parent_namespace="emojivoto",parent_name="voting-svc",parent_port="8080"'
VOTES = f'{VOTING},route_kind="HTTPRoute",route_namespace="emojivoto",route_name="votes"'
DEFAULT = f'{VOTING},route_kind="default",route_name="http"'


def backend(name: str) -> str:
    """Labels of one."""
    return f'backend_kind="Service",backend_namespace="emojivoto",backend_name="{name}",backend_port="8080"'


def sample(family: str, labels: str, value: int, protocol: str = "http") -> str:
    """One line of the newer outbound families."""
    return f"outbound_{protocol}_route_{family}{{{labels}}} {value}\n"


def page(count: int) -> str:
    """Ten requests a count to a route, two of them tried again at the canary, and gRPC by the default route."""
    statuses, to = "request_statuses_total", "backend_response_statuses_total"
    durations, to_durations = "request_duration_seconds_bucket", "backend_response_duration_seconds_bucket"
    canary, stable, plain = (
        f"{VOTES},{backend('canary')}",
        f"{VOTES},{backend('stable')}",
        f"{DEFAULT},{backend('v')}",
    )
    return "".join(
        [
            sample(statuses, f'{VOTES},http_status="200"', count * 8),
            sample(statuses, f'{VOTES},http_status="503"', count),
            sample(statuses, f'{VOTES},error="REQUEST_TIMEOUT"', count),
            sample("retry_requests_total", VOTES, count * 2),
            *(sample(durations, f'{VOTES},le="{le}"', count * 10) for le in ("0.05", "+Inf")),
            sample(to, f'{canary},http_status="500"', count * 2),
            sample(to, f'{canary},error="RESPONSE_HEADERS_TIMEOUT"', count * 2),
            sample(to, f'{stable},http_status="404"', count * 8),
            *(sample(to_durations, f'{stable},le="{le}"', count * 8) for le in ("0.1", "+Inf")),
            sample(statuses, f'{DEFAULT},grpc_status="OK"', count * 3, "grpc"),
            sample(statuses, f'{DEFAULT},grpc_status="UNAVAILABLE"', count, "grpc"),
            sample(to, f'{plain},grpc_status="OK"', count * 4, "grpc"),
            sample(statuses, f'{VOTING},route_kind="HTTPRoute",route_name="idle",http_status="200"', 5),
        ]
    )


@pytest.fixture
def store() -> Store:
    store = Store(600)
    scrape(store, WEB, 10, page(0) + sample("request_statuses_total", 'parent_name="x"', 5))
    scrape(store, WEB, 20, page(10))
    return store


async def test_routes_and_their_backends(store: Store) -> None:
    response = await stat_outbound(measured(store), emojivoto(), about())
    place = ("emojivoto", "web", "voting-svc", "emojivoto", "8080")
    votes = (*place, "votes", "HTTPRoute")
    default = (*place, "[default]", "")
    assert response.rows == [
        StatOutboundRow(*default, success=0.75, rps=4.0, timeouts=0.0, retries=0.0),
        StatOutboundRow(*default, "v", "emojivoto", "8080", success=1.0, rps=4.0, timeouts=0.0),
        StatOutboundRow(
            *votes,
            success=0.8,
            rps=10.0,
            latency_p50=25.0,
            latency_p95=47.5,
            latency_p99=49.5,
            timeouts=0.1,
            retries=2 / 12,
        ),
        StatOutboundRow(*votes, "canary", "emojivoto", "8080", success=0.0, rps=4.0, timeouts=0.5),
        StatOutboundRow(
            *(*votes, "stable", "emojivoto", "8080"),
            success=1.0,
            rps=8.0,
            latency_p50=50.0,
            latency_p95=95.0,
            latency_p99=99.0,
            timeouts=0.0,
        ),
    ]


async def test_services_of_one_name_are_kept_apart(store: Store) -> None:
    for at, count in ((30, 0), (40, 10)):
        scrape(store, WEB, at, sample("request_statuses_total", f"{DEFAULT.replace('emojivoto', 'other')}", count))
    rows = (await stat_outbound(measured(store, 50), emojivoto(), about())).rows
    assert {row.service_namespace for row in rows} == {"emojivoto", "other"}


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        (Named("namespace"), {"emojivoto"}),
        (Named("pod", "emojivoto", "web-1-a"), {"web-1-a"}),
        (Named("deployment", "emojivoto", "emoji"), set()),
    ],
)
async def test_whose(store: Store, subject: Named, names: set[str]) -> None:
    rows = (await stat_outbound(measured(store), emojivoto(), Query(subject))).rows
    assert {row.name for row in rows} == names


async def test_a_window_that_is_not_kept_is_refused(store: Store) -> None:
    with pytest.raises(BadWindow):
        await stat_outbound(measured(store), emojivoto(), Query(Named("deployment"), window_seconds=601))


async def test_pods_that_cannot_be_scraped_are_named() -> None:
    store = Store(600)
    store.fail(WEB, "refused")
    assert (await stat_outbound(measured(store), emojivoto(), about())).unscraped == ["emojivoto/web-1-a"]
