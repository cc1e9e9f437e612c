from pathlib import Path

import msgspec
import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, inbound_document, pair

from linkerd_contract.inbound import AuthnKind, Authorization, InboundDocument, InboundRoute, RateLimit, RateOverride
from linkerd_contract.matching import (
    Condition,
    Fault,
    Filter,
    FilterType,
    HeaderModifier,
    HeaderValue,
    MatchKind,
    Redirect,
    StringMatch,
)
from linkerd_contract.resource import ResourceRef


def changed(**fields: object) -> InboundDocument:
    known = inbound_document()
    return msgspec.structs.replace(known, default=msgspec.structs.replace(known.default, **fields))


@on_uvloop
async def test_routes_have_authorizations_of_their_own_and_no_route_is_404(tmp_path: Path) -> None:
    def route(path: str, *authorizations: Authorization) -> InboundRoute:
        return InboundRoute(
            resource=ResourceRef("policy.linkerd.io", "HTTPRoute", name=path.strip("/")),
            matches=[Condition(path=StringMatch(path))],
            authorizations=list(authorizations),
        )

    anyone = Authorization(resource=ResourceRef(name="anyone"))
    other = Authorization(authn=AuthnKind.tls_authenticated, identities=["other"])
    routes = [route("/open", anyone), route("/shut", other)]
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        mesh.serve(changed(routes=routes, authorizations=[]))
        assert (await client.get("/open")).status == 200
        assert (await client.get("/shut")).status == 403
        assert (await client.get("/none")).status == 404
        assert mesh.server.sample("response_total", 'route_name="open"', 'authz_name="anyone"') == 1
        assert mesh.server.sample("inbound_http_authz_deny_total", 'route_name="shut"') == 1
        assert mesh.server.sample("inbound_http_route_not_found_total") == 1


@pytest.mark.parametrize("wanted", [True, False])
@on_uvloop
async def test_authorities_are_a_label_where_they_are_wanted(tmp_path: Path, wanted: bool) -> None:
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app, INBOUND_METRICS_AUTHORITY_LABELS="unsafe" if wanted else "") as mesh,
        apps.client(mesh.addr) as client,
    ):
        for host in (b"voting:80", b"other.ns", b"other.ns"):
            assert (await client.ask(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)).status == 200
        into = 'direction="inbound"'
        assert mesh.server.sample("request_total", into, 'authority="voting"') == (1 if wanted else 0)
        assert mesh.server.sample("response_total", into, 'authority="other.ns"') == (2 if wanted else 0)
        assert mesh.server.sample("request_total", into) == 3
        assert mesh.server.sample("inbound_http_authz_allow_total", 'authority="') == 0


@on_uvloop
async def test_audit_lets_requests_in_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "linkerd_proxy")
    audit = Authorization(resource=ResourceRef(name="audit"), audit=True)
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        mesh.serve(inbound_document(authorization=audit))
        assert (await client.get()).status == 200
        assert mesh.server.sample("inbound_http_authz_allow_total", 'authz_name="audit"') == 1
    assert "audit: would deny 127.0.0.1:" in caplog.text


@on_uvloop
async def test_rate_limits_of_identities(tmp_path: Path) -> None:
    override = RateOverride(requests_per_second=1, identities=[CLIENT])
    limit = RateLimit(ResourceRef(name="limit"), identity=3, overrides=[override])
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh:
        mesh.serve(changed(rate_limit=limit))
        async with apps.client(mesh.addr) as client:
            assert [(await client.get()).status for _ in range(2)] == [200, 429]
        # Clients without an identity share a bucket of their own.
        async with apps.client(mesh.server.inbound) as stranger:
            assert [(await stranger.get()).status for _ in range(4)] == [200, 200, 200, 429]
        assert mesh.server.sample("inbound_http_local_ratelimit_total", 'ratelimit_scope="identity"') == 2
        assert mesh.server.sample("inbound_http_errors_total", 'error="rate limited"') == 2


@on_uvloop
async def test_rate_limits_are_429(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        mesh.serve(changed(rate_limit=RateLimit(ResourceRef(name="limit"), total=2)))
        statuses = [(await client.get()).status for _ in range(4)]
        assert statuses[:2] == [200, 200]
        assert 429 in statuses
        assert mesh.server.sample("inbound_http_local_ratelimit_total", 'ratelimit_scope="total"') >= 1


@on_uvloop
async def test_what_filters_answer_costs_nothing_of_the_rate_limit(tmp_path: Path) -> None:
    def route(path: str, *filters: Filter) -> InboundRoute:
        return InboundRoute(matches=[Condition(path=StringMatch(path))], filters=list(filters))

    routes = [route("/old", Filter(FilterType.redirect, redirect=Redirect(path="/new"))), route("/new")]
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        mesh.serve(changed(routes=routes, rate_limit=RateLimit(ResourceRef(name="limit"), total=1)))
        assert [(await client.get(path)).status for path in ("/old", "/old", "/new")] == [302, 302, 200]


@on_uvloop
async def test_filters_change_headers_and_answer(tmp_path: Path) -> None:
    def route(path: str, *filters: Filter) -> InboundRoute:
        return InboundRoute(matches=[Condition(path=StringMatch(path, MatchKind.prefix))], filters=list(filters))

    modifier = HeaderModifier(set=[HeaderValue("new", "1")])
    routes = [
        route(
            "/headers", *[Filter(kind, modifier) for kind in (FilterType.request_headers, FilterType.response_headers)]
        ),
        route("/old", Filter(FilterType.redirect, redirect=Redirect(prefix="/headers", status=301))),
        route("/slow", Filter(FilterType.delay, fault=Fault(delay_ms=1))),
    ]
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        mesh.serve(changed(routes=routes))
        for _ in range(2):
            got = await client.get("/headers")
            assert (got.status, got.fields["x-new"], got.fields["new"]) == (200, "1", "1")
        got = await client.get("/old/a?b=c")
        assert (got.status, got.fields["location"]) == (301, "http://voting-svc/headers/a?b=c")
        assert mesh.server.sample("response_total", 'status_code="301"') == 1
        assert mesh.server.runtime.decisions.all() == b"[]"
        assert (await client.get("/slow")).status == 500
