"""Who asks, and what the API server is asked about them."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from linkerd_kube import KubeClient
from linkerd_runtime.process import serve
from linkerd_viz.tap.access import Refused, User, reviewer, user_of


class _Transport:
    def __init__(self, name: str | None) -> None:
        self._certificate = None if name is None else {"subject": ((("commonName", name),),)}

    def get_extra_info(self, key: str, default: object = None) -> object:
        return self._certificate if key == "peercert" else default

    def is_closing(self) -> bool:
        return False


def request(name: str | None, **headers: str) -> web.Request:
    made = make_mocked_request("POST", "/", headers={k.replace("_", "-"): v for k, v in headers.items()})
    made._transport_peername = None  # what the mock leaves unset
    made._protocol.transport = _Transport(name)  # type: ignore[assignment]
    return made


ALLOWED = frozenset({"front-proxy-client"})


def test_the_front_proxy_speaks_for_users() -> None:
    asked = request("front-proxy-client", X_Remote_User="jane", X_Remote_Group="devs", **{"X-Remote-Extra-A%2fB": "c"})
    assert user_of(asked, ALLOWED) == User("jane", ["devs"], {"a/b": ["c"]})
    assert user_of(request("anybody", X_Remote_User="jane"), frozenset()).name == "jane"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (request(None, X_Remote_User="jane"), "only the Kubernetes API server"),
        (request("other", X_Remote_User="jane"), "other may not speak for users"),
        (request("front-proxy-client"), "of no user"),
    ],
)
def test_nobody_else(asked: web.Request, told: str) -> None:
    with pytest.raises(Refused, match=told) as refused:
        user_of(asked, ALLOWED)
    assert refused.value.status == 401


@pytest.mark.parametrize("allowed", [True, False])
async def test_access_reviews(allowed: bool) -> None:
    seen: list[object] = []

    async def review(asked: web.Request) -> web.Response:
        seen.append((asked.path, (await asked.json())["spec"]))
        return web.json_response({"status": {"allowed": allowed}}, status=201)

    app = web.Application()
    app.router.add_post("/{path:.*}", review)
    runner = await serve(app, "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as session:
            ask = reviewer(KubeClient(f"http://127.0.0.1:{runner.addresses[0][1]}", session))
            assert await ask(User("jane", ["devs"], {"a": ["b"]}), "deployments", "ns", "web", "tap") is allowed
    finally:
        await runner.cleanup()
    attributes = {
        "verb": "watch",
        "group": "tap.linkerd.io",
        "version": "v1alpha1",
        "resource": "deployments",
        "subresource": "tap",
        "namespace": "ns",
        "name": "web",
    }
    spec = {"user": "jane", "groups": ["devs"], "extra": {"a": ["b"]}, "resourceAttributes": attributes}
    assert seen == [("/apis/authorization.k8s.io/v1/subjectaccessreviews", spec)]
