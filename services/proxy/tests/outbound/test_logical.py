from collections import Counter
from pathlib import Path

import msgspec
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVICE, document, sidecar

from linkerd_contract.explain import ProxyErrorLine
from linkerd_contract.matching import Condition, Filter, FilterType, StringMatch
from linkerd_contract.outbound import Backend, BackendStatus, Endpoint, ProtocolHint, Route, WeightedBackend
from linkerd_runtime.settings import Addr


@on_uvloop
async def test_no_route_is_404_and_the_connection_stays(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*app)], identity=None, hint=ProtocolHint.none)
        only = Route(name="a", matches=[Condition(path=StringMatch("/a"))], backends=[WeightedBackend("all")])
        proxy.discovery.set(SERVICE, msgspec.structs.replace(known, routes=[only]))
        async with apps.client(proxy.outbound) as client:
            assert (await client.get("/b")).status == 404
            assert (await client.get("/a")).status == 200
        assert proxy.sample("outbound_http_errors_total", 'error="route not found"') == 1


@on_uvloop
async def test_weights_split_and_changes_apply_to_open_connections(tmp_path: Path) -> None:
    async with apps.echo_app() as one, apps.echo_app() as two, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*one)], identity=None, hint=ProtocolHint.none)
        backends = {name: Backend(endpoints=[Endpoint(str(Addr(*addr)))]) for name, addr in (("x", one), ("y", two))}

        def split(x: int, y: int) -> None:
            route = Route(backends=[WeightedBackend("x", x), WeightedBackend("y", y)])
            proxy.discovery.set(SERVICE, msgspec.structs.replace(known, routes=[route], backends=backends))

        def counts() -> Counter[str]:
            ports = (("x", one[1]), ("y", two[1]))
            return Counter({n: int(proxy.sample("request_total", f'target_port="{port}"')) for n, port in ports})

        split(9, 1)
        async with apps.client(proxy.outbound) as client:
            for _ in range(60):
                await client.get()
            assert counts()["x"] > counts()["y"]
            split(0, 1)
            before = counts()
            for _ in range(5):
                await client.get()
            assert counts() - before == Counter(y=5)


@on_uvloop
async def test_a_missing_backend_is_500(tmp_path: Path) -> None:
    async with sidecar(None, tmp_path, CLIENT) as proxy:
        missing = msgspec.structs.replace(document([]), backends={"all": Backend(status=BackendStatus.missing)})
        proxy.discovery.set(SERVICE, missing)
        async with apps.client(proxy.outbound) as client:
            got = await client.get()
            assert got.status == 500
        assert got.fields["l5d-proxy-error"].startswith("invalid policy: backend not found [code: unexpected; ")


@on_uvloop
async def test_forbidden_destinations_and_filters_of_an_unknown_kind(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*app)], identity=None, hint=ProtocolHint.none)
        proxy.discovery.set(SERVICE, msgspec.structs.replace(known, forbidden=True))
        async with apps.client(proxy.outbound) as client:
            assert (await client.get()).status == 403
            strange = Route(filters=[Filter(FilterType.unknown)], backends=[WeightedBackend("all")])
            proxy.discovery.set(SERVICE, msgspec.structs.replace(known, routes=[strange]))
            got = await client.get()
            line = ProxyErrorLine.parse(got.fields["l5d-proxy-error"])
            assert (got.status, line.message) == (500, "filter unknown cannot be carried out")
            assert (line.code, line.phase) == ("invalid policy", "filter")
