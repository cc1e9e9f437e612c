"""For people, on the pod's loopback, reached by port-forward (so RBAC decides): the documents as proxies get them."""

from aiohttp import web
from yarl import URL

from linkerd_contract.codec import Document, encode
from linkerd_contract.replay import REPLAY_PATH
from linkerd_contract.watch import WatchCode
from linkerd_destination.api.replay import MAX_BODY_BYTES, replay_handler
from linkerd_destination.index.objects import Pod
from linkerd_destination.index.state import Index
from linkerd_destination.translate.endpoints import Caller
from linkerd_destination.translate.explain import Question, explain
from linkerd_destination.translate.inbound import render_inbound, workload_pod
from linkerd_destination.translate.outbound import render_outbound
from linkerd_destination.translate.targets import NoAnswer, service_target
from linkerd_runtime.problem import problem_middleware, problem_response

# kubectl's short names of workloads.
_KINDS = {
    "deploy": "deployment",
    "sts": "statefulset",
    "ds": "daemonset",
    "rs": "replicaset",
    "po": "pod",
    "job": "k8s_job",
    "rc": "replicationcontroller",
    "cj": "cronjob",
}
_STATUS = {
    WatchCode.not_found: 404,
    WatchCode.invalid_target: 400,
    WatchCode.forbidden: 403,
    WatchCode.unavailable: 503,
}


def debug_app(index: Index) -> web.Application:
    """GET /v1/outbound?target=&namespace=&zone=, /v1/inbound?workload=namespace/pod, /v1/explain (see `_question`).

    POST /v1/policy-test (`linkerd_contract.replay`).
    """

    async def outbound(request: web.Request) -> web.Response:
        query = request.query
        caller = Caller(query.get("namespace", ""), query.get("zone", ""))
        try:
            return _document(render_outbound(index.view(), query.get("target", ""), caller))
        except NoAnswer as error:
            return _refusal(error)

    async def inbound(request: web.Request) -> web.Response:
        try:
            return _document(render_inbound(index.view(), request.query.get("workload", "")))
        except NoAnswer as error:
            return _refusal(error)

    async def why(request: web.Request) -> web.Response:
        try:
            return _document(explain(index.view(), _question(index, request)))
        except NoAnswer as error:
            return _refusal(error)

    app = web.Application(middlewares=[problem_middleware], client_max_size=MAX_BODY_BYTES)
    app.router.add_get("/v1/outbound", outbound)
    app.router.add_get("/v1/inbound", inbound)
    app.router.add_get("/v1/explain", why)
    app.router.add_post(REPLAY_PATH, replay_handler(index))
    return app


def _question(index: Index, request: web.Request) -> Question:
    """from=NS/POD or NS/KIND/NAME, url=http://web.emojivoto/path, method=GET, header=NAME:VALUE (any number)."""
    query = request.query
    client = _client(index, query.get("from", ""))
    try:
        url = URL(query.get("url", ""))
        port = url.port
    except ValueError as error:
        raise NoAnswer(WatchCode.invalid_target, f"url: {error}", retryable=False) from error
    if not url.host or not port:
        raise NoAnswer(WatchCode.invalid_target, "url: write http://web.emojivoto/path", retryable=False)
    headers: list[tuple[bytes, bytes]] = []
    for line in query.getall("header", []):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise NoAnswer(WatchCode.invalid_target, f"header {line!r}: write NAME:VALUE", retryable=False)
        headers.append((name.strip().lower().encode(), value.strip().encode()))
    return Question(
        client=client,
        target=service_target(url.host, port, client.namespace, index.config.cluster_domain),
        authority=url.raw_authority,
        path=url.raw_path_qs or "/",
        method=query.get("method", "GET").upper(),
        headers=headers,
    )


def _client(index: Index, workload: str) -> Pod:
    """The pod, or the first by name of what owns it ("emojivoto/deploy/web"). Raises NoAnswer."""
    namespace, _, rest = workload.partition("/")
    kind, slash, name = rest.partition("/")
    if not slash:
        return workload_pod(index.view(), workload)
    kind = _KINDS.get(kind, kind)
    if kind == "pod":
        return workload_pod(index.view(), f"{namespace}/{name}")
    owned = [p for p in index.tables.pods.objects.values() if p.namespace == namespace and p.owner == (kind, name)]
    if not owned:
        raise NoAnswer(WatchCode.not_found, f"no pod of {kind} {name} in namespace {namespace}", retryable=True)
    return min(owned, key=lambda pod: (pod.deleting or pod.ended, pod.name))


def _document(document: Document) -> web.Response:
    return web.Response(body=encode(document), content_type="application/json")


def _refusal(error: NoAnswer) -> web.Response:
    code = error.error.code
    return problem_response(_STATUS.get(code, 500), code.value, "No answer", error.error.message)
