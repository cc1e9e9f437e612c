"""Routes: effective and actual, in the profile's order."""

from typing import Any

import pytest
from services.viz.tests.mesh import emojivoto, measured, scrape

from linkerd_contract.viz import RouteRow
from linkerd_viz.inventory import Inventory, Meta, Profile, ProfileSpec, RouteName
from linkerd_viz.query import Named, Query
from linkerd_viz.routes import routes, service_of
from linkerd_viz.store import Store

EMOJI = ("emojivoto", "emoji-1-a")
FULL_NAME = "web-svc.emojivoto.svc.cluster.local"


def page(good: int, bad: int, attempts_failed: int, dst: str = f"{FULL_NAME}:80", route: str = "GET /b") -> str:
    """What the caller's proxy counts of one route."""
    labels = f'direction="outbound",dst="{dst}",rt_route="{route}"'
    return "".join(
        [
            f'route_response_total{{{labels},classification="success"}} {good}\n',
            f'route_response_total{{{labels},classification="failure"}} {bad}\n',
            f'route_actual_response_total{{{labels},classification="success"}} {good}\n',
            f'route_actual_response_total{{{labels},classification="failure"}} {bad + attempts_failed}\n',
            f'route_response_latency_ms_bucket{{{labels},le="10"}} {good + bad}\n',
            f'route_response_latency_ms_bucket{{{labels},le="+Inf"}} {good + bad}\n',
        ]
    )


def mesh() -> Inventory:
    """With a profile of web-svc."""
    inventory = emojivoto()
    spec = ProfileSpec([RouteName("GET /b"), RouteName("GET /a")])
    inventory.profiles.append(Profile(Meta(FULL_NAME, "emojivoto"), spec))
    return inventory


async def _rows(store: Store, subject: Named, **options: Any) -> list[RouteRow]:
    return (await routes(measured(store, inventory=mesh()), mesh(), Query(subject, **options))).rows


@pytest.fixture
def store() -> Store:
    store = Store(600)
    other = "other.x.svc.cluster.local:80"
    scrape(store, EMOJI, 10, page(0, 0, 0) + page(0, 0, 0, other, "[DEFAULT]"))
    scrape(store, EMOJI, 20, page(45, 5, 50) + page(10, 0, 0, other, "[DEFAULT]"))
    return store


SERVICE = Named("service", "emojivoto", "web-svc")


async def test_callers_that_cannot_be_scraped_are_named(store: Store) -> None:
    """Their traffic is missing from the rows, and is not zero."""
    store.fail(EMOJI, "refused")
    assert (await routes(measured(store, inventory=mesh()), mesh(), Query(SERVICE))).unscraped == [
        "emojivoto/emoji-1-a"
    ]


async def test_a_services_routes_in_the_profiles_order(store: Store) -> None:
    rows = await _rows(store, SERVICE)
    assert [(row.route, row.service, row.rps) for row in rows] == [
        ("GET /b", "web-svc", 5.0),
        ("GET /a", "web-svc", None),
        ("[DEFAULT]", "web-svc", None),
    ]
    row = rows[0]
    assert (row.actual_rps, row.latency_p50) == (10.0, 5.0)
    assert row.success == pytest.approx(0.9)
    assert row.actual_success == pytest.approx(0.45)


@pytest.mark.parametrize(
    ("subject", "options", "services"),
    [
        (Named("deployment", "emojivoto", "emoji"), {"destination": SERVICE}, {"web-svc"}),
        (Named("deployment", "emojivoto", "web"), {}, {"web-svc"}),
        (Named("deployment", "emojivoto", "emoji"), {}, set()),
        (Named("deployment", "emojivoto", "emoji"), {"destination": Named("service", "x", "other")}, {"other"}),
        (SERVICE, {"source": Named("deployment", "emojivoto", "emoji")}, {"web-svc"}),
        (Named("authority", None, f"{FULL_NAME}:80"), {}, {"web-svc"}),
    ],
)
async def test_whose_routes(store: Store, subject: Named, options: dict[str, Any], services: set[str]) -> None:
    assert {row.service for row in await _rows(store, subject, **options)} == services


async def test_another_callers_traffic_does_not_count(store: Store) -> None:
    rows = await _rows(store, Named("deployment", "emojivoto", "web"), destination=SERVICE)
    assert [row.rps for row in rows] == [None, None, None]


@pytest.mark.parametrize(
    ("name", "key"), [("a.b.svc.cluster.local", ("b", "a")), ("example.com", None), ("10.0.0.1", None)]
)
def test_service_of(name: str, key: tuple[str, str] | None) -> None:
    assert service_of(name) == key
