"""The webhooks: POST an AdmissionReview, get one back; of / and /mutate with a JSON patch, of /validate with faults.

- Skipped pods are allowed. So is what has the wrong shape, unpatched and with a warning: the API server refuses it
  next, with its own 422 and field path. What fails here is answered allowed: false with one sentence; no review is 400.
- While there is no configuration yet (no trust bundle, say), a pod that asks for a sidecar gets 503: a failed webhook,
  so that the configuration's failurePolicy decides, and no pod is ever injected by half.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import cast

import jsonpatch
import structlog
from aiohttp import web

from linkerd_injector.cluster import ClusterView
from linkerd_injector.events import Events
from linkerd_injector.metrics import Metrics
from linkerd_injector.owners import Owner, Owners
from linkerd_injector.review import Answer, BadReview, Review, read_review, write_review
from linkerd_injector.validate import validate
from linkerd_kube import ApiError, JsonObject
from linkerd_rules.injection import InjectConfig, Injection, Malformed, Target, annotate_service, inject_pod
from linkerd_runtime.problem import problem_middleware, problem_response

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)
_level = logging.getLogger(__name__)
"""Asked first whether a line is wanted: structlog puts one together before it asks."""

MAX_BODY = 8 << 20
"""etcd's limit is 1.5 MiB an object; a review may hold two."""


# The configuration's selector keeps them out by kubernetes.io/metadata.name, which servers before 1.21 do not set.
_KEPT_OUT = frozenset({"kube-system", "cert-manager"})


class NotReady(Exception):
    """Nothing to inject with yet."""


class Webhook:
    """The handler and what it needs."""

    def __init__(self, view: ClusterView, owners: Owners, events: Events, metrics: Metrics) -> None:
        self._view = view
        self._owners = owners
        self._events = events
        self._metrics = metrics

    def app(self) -> web.Application:
        """The application to serve over TLS."""
        app = web.Application(middlewares=[problem_middleware], client_max_size=MAX_BODY)
        app.router.add_post("/", self.mutate)
        app.router.add_post("/mutate", self.mutate)
        app.router.add_post("/validate", self.validate)
        return app

    async def mutate(self, request: web.Request) -> web.Response:
        """Injection of a pod, annotation of a Service."""
        return await self._review(request, self._answer)

    async def validate(self, request: web.Request) -> web.Response:
        """Validation of what users write; needs nothing of the cluster, so it works while the rest starts."""
        return await self._review(request, _validated)

    async def _review(self, request: web.Request, decide: Callable[[Review], Awaitable[Answer]]) -> web.Response:
        started = time.monotonic()
        try:
            review = read_review(await request.read())
        except BadReview as error:
            return problem_response(400, "bad_review", "Not an AdmissionReview", str(error))
        try:
            answer = await decide(review)
        except NotReady as error:
            return problem_response(503, "not_ready", "The injector is not ready", str(error))
        except Malformed as error:
            answer = Answer(warnings=(f"linkerd does not inject this {review.kind}: {error}",))
            log.warning("malformed", kind=review.kind, namespace=review.namespace, error=str(error))
        except ApiError as error:
            answer = Answer(allowed=False, message=f"linkerd cannot review this {review.kind}: {error}")
            log.warning("review failed", kind=review.kind, namespace=review.namespace, error=str(error))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            log.exception("review failed", kind=review.kind, namespace=review.namespace)
            answer = Answer(allowed=False, message=f"linkerd cannot review this {review.kind}: it is malformed")
        self._metrics.seconds.observe(time.monotonic() - started)
        return web.Response(body=write_review(review, answer), content_type="application/json")

    async def _answer(self, review: Review) -> Answer:
        if review.namespace in _KEPT_OUT or review.operation != "CREATE" or review.kind not in ("Pod", "Service"):
            return Answer()
        config = self._view.config
        if config is None:
            raise NotReady("trust bundle, values or server version are not read yet; /ready says which")
        annotations = await self._view.annotations_of(review.namespace)
        if review.kind == "Service":
            return _answer_of(review.object, annotate_service(review.object, annotations, config))
        return await self._pod(review, annotations, config)

    async def _pod(self, review: Review, annotations: dict[str, str], config: InjectConfig) -> Answer:
        metadata = review.object.get("metadata")
        owner = await self._owners.of(metadata if isinstance(metadata, dict) else {}, review.namespace)
        target = Target(
            namespace=review.namespace,
            namespace_annotations=annotations,
            owner_kind=owner.kind,
            owner_name=owner.name,
        )
        injection = inject_pod(review.object, target, config)
        self._metrics.count(owner.kind, review.namespace, injection)
        _say(review, owner, injection)
        if not review.dry_run:
            self._events.injection(owner, injection)
        return _answer_of(review.object, injection)


def _say(review: Review, owner: Owner, injection: Injection) -> None:
    """Events and metrics tell of every pod; a line of log for each would cost as much as its injection does."""
    level = logging.WARNING if injection.warnings else logging.DEBUG
    if _level.isEnabledFor(level):
        log.log(
            level,
            "injected" if injection.injected else "skipped",
            namespace=review.namespace,
            owner=f"{owner.kind}/{owner.name}",
            reasons=[str(reason) for reason in injection.reasons],
            warnings=list(injection.warnings),
        )


async def _validated(review: Review) -> Answer:
    return validate(review)


def _answer_of(original: JsonObject, injection: Injection) -> Answer:
    if injection.mutated is None:
        return Answer(warnings=injection.warnings)
    # jsonpatch names JSON values more narrowly than a tree of objects can be typed.
    patch: list[JsonObject] = jsonpatch.make_patch(original, cast("JsonObject", injection.mutated)).patch
    return Answer(patch=patch, warnings=injection.warnings)
