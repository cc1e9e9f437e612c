"""Authorizations: who was let in, and who was denied."""

from services.viz.tests.mesh import about, emojivoto, measured, scrape

from linkerd_contract.viz import AuthzRow
from linkerd_viz.authz import authz
from linkerd_viz.store import Store

WEB = ("emojivoto", "web-1-a")
SERVER = 'direction="inbound",srv_kind="server",srv_name="web-http",route_kind="default",route_name="default"'
POLICY = 'authz_kind="authorizationpolicy",authz_name="web"'


def client(name: str) -> str:
    """TLS labels of a client."""
    return f'tls="true",client_id="{name}.serviceaccount.identity.linkerd.cluster.local"'


def page(count: int) -> str:
    """Two clients let in, one denied, and probes by the default policy."""
    default = 'direction="inbound",srv_kind="default",srv_name="all-unauthenticated",route_name="probe"'
    lines = []
    for name, share in (("vote-bot.emojivoto", 2), ("other.x", 1)):
        labels = f"{SERVER},{client(name)},{POLICY}"
        lines += [
            f"inbound_http_authz_allow_total{{{labels}}} {count * share}",
            f'response_total{{{labels},classification="success"}} {count * share}',
            f'response_latency_ms_bucket{{{labels},le="1"}} {count * share}',
            f'response_latency_ms_bucket{{{labels},le="+Inf"}} {count * share}',
        ]
    denied = f'{SERVER},tls="no_identity"'
    lines += [
        f"inbound_http_authz_deny_total{{{denied}}} {count}",
        f'response_total{{{denied},classification="failure",status_code="403"}} {count}',
        f'inbound_http_authz_allow_total{{{default},authz_kind="default",authz_name="probe"}} {count}',
    ]
    return "\n".join(lines) + "\n"


async def test_rows() -> None:
    store = Store(600)
    scrape(store, WEB, 10, page(0))
    scrape(store, WEB, 20, page(10))
    response = await authz(measured(store), emojivoto(), about())
    assert response.rows == [
        AuthzRow("probe", "default:all-unauthenticated", "default:probe", "emojivoto", clients=["unauthenticated"]),
        AuthzRow("default", "web-http", "", "emojivoto", denied_rps=1.0, clients=["unauthenticated"]),
        AuthzRow(
            "default",
            "web-http",
            "authorizationpolicy/web",
            "emojivoto",
            success=1.0,
            rps=3.0,
            latency_p50=0.5,
            latency_p95=0.9499999999999998,
            latency_p99=0.9899999999999999,
            clients=["vote-bot.emojivoto", "other.x"],
        ),
    ]


async def test_a_denial_is_no_failure_of_an_authorization() -> None:
    store = Store(600)
    scrape(store, WEB, 10, page(0))
    scrape(store, WEB, 20, page(10))
    rows = (await authz(measured(store), emojivoto(), about(name="web"))).rows
    assert [row.success for row in rows if row.authorization == "authorizationpolicy/web"] == [1.0]


async def test_pods_that_cannot_be_scraped_are_named() -> None:
    store = Store(600)
    store.fail(WEB, "refused")
    assert (await authz(measured(store), emojivoto(), about())).unscraped == ["emojivoto/web-1-a"]
