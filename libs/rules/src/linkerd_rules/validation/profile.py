"""ServiceProfile (linkerd.io/v1alpha2): routes, retries, timeouts, splits of one Service, by its name in DNS.

`isRetryable` retries failures within a budget: the route's own `retryBudget`, else the profile's, else Linkerd's
default. `retryPolicy` (of tutorials of the 2.11 era) retries `numRetries` times what `retryOn` names; a `retryBudget`
on the same route bounds it too.
"""

from msgspec import Struct

from linkerd_contract.durations import parse_ports
from linkerd_contract.matching import Condition, MatchKind, ResponseClass, ResponseCondition, StatusRange, StringMatch
from linkerd_contract.outbound import Backoff, Retry, RetryBudget, Route, Timeouts
from linkerd_contract.resource import ResourceRef
from linkerd_rules.policy.classify import GRPC_FAILURES
from linkerd_rules.policy.retry import GRPC_NAMES, parse_http_statuses
from linkerd_rules.validation.annotations import NO_TIMEOUTS
from linkerd_rules.validation.fields import Fields, Problem, is_dns_name
from linkerd_rules.validation.meta import Meta, Reading, Resource, read_document
from linkerd_rules.validation.quantity import parse_weight

MAX_RATIO = 1000.0
_MAX_DEPTH = 32


class Override(Struct, frozen=True, kw_only=True):
    """A destination that takes a share of the traffic. `weight` in thousandths."""

    authority: str
    weight: int


class Profile(Resource, frozen=True, kw_only=True):
    """A profile; its routes have no backends yet, and not the default route."""

    routes: tuple[Route, ...] = ()
    retry_budget: RetryBudget | None = None
    dst_overrides: tuple[Override, ...] = ()
    opaque_ports: str = ""


def read_service_profile(obj: object) -> Reading[Profile]:
    """A ServiceProfile."""
    return read_document(obj, _profile)


def _profile(meta: Meta, _annotations: Fields, spec: Fields) -> Profile:
    if not is_dns_name(meta.name):
        spec.problems.append(
            Problem("metadata.name", f"{meta.name!r} is no name in DNS; write web.emojivoto.svc.cluster.local")
        )
    budget = _budget(spec)
    routes = [_route(route, meta, budget or RetryBudget()) for route in spec.children("routes")]
    overrides = tuple(_override(item) for item in spec.children("dstOverrides"))
    opaque = spec.texts("opaquePorts")
    for n, text in enumerate(opaque):
        try:
            parse_ports(text)
        except ValueError as error:
            spec.problem(f"opaquePorts[{n}]", str(error))
    return Profile(
        meta=meta,
        routes=tuple(routes),
        retry_budget=budget,
        dst_overrides=overrides,
        opaque_ports=",".join(opaque),
    )


def _override(fields: Fields) -> Override:
    authority = fields.text("authority", required=True)
    host, colon, port = authority.partition(":")
    if authority and not (is_dns_name(host.removesuffix(".")) and (not colon or port.isdecimal())):
        fields.problem("authority", f"{authority!r} is no name; write web-v2.emojivoto.svc.cluster.local:80")
    override = Override(authority=authority, weight=parse_weight(fields, "weight"))
    fields.done()
    return override


def _budget(parent: Fields) -> RetryBudget | None:
    fields = parent.child("retryBudget")
    if fields is None:
        return None
    ratio = fields.number("retryRatio", 0.0, MAX_RATIO, required=True)
    per_second = fields.integer("minRetriesPerSecond", 0, 2**31 - 1, required=True)
    ttl = fields.duration_ms("ttl", required=True)
    if ttl is not None and not 1000 <= ttl <= 60_000:
        fields.problem("ttl", "must be from 1s to 60s", ignorable=True)
        ttl = min(max(ttl, 1000), 60_000)
    fields.done()
    return RetryBudget(ratio=ratio or 0.0, min_per_second=per_second or 0, ttl_ms=ttl or 10_000)


def _route(fields: Fields, meta: Meta, budget: RetryBudget) -> Route:
    name = fields.text("name", required=True)
    condition = fields.child("condition", required=True)
    match = request_condition(condition) if condition is not None else Condition()
    classes = [_response_class(item) for item in fields.children("responseClasses")]
    retry = _retry(fields, budget)
    timeout = fields.duration_ms("timeout")
    fields.done()
    return Route(
        name=name,
        resource=ResourceRef(
            group="linkerd.io", kind="ServiceProfile", namespace=meta.namespace, name=meta.name, section=name
        ),
        matches=[match],
        retry=retry,
        timeouts=Timeouts(profile_ms=timeout) if timeout else NO_TIMEOUTS,
        response_classes=classes,
        labels={"route": name},
    )


def _retry(fields: Fields, shared: RetryBudget) -> Retry | None:
    own = _budget(fields)
    retryable = fields.boolean("isRetryable")
    policy = fields.child("retryPolicy")
    if policy is None:
        if own is not None and not retryable:
            message = "bounds retries, and the route has none: set isRetryable: true"
            fields.problem("retryBudget", message, ignorable=True)
        return Retry(on_failure=True, budget=own or shared) if retryable else None
    statuses, codes = _retry_on(policy)
    limit = policy.integer("numRetries", 0, 100)
    per_try = policy.duration_ms("perTryTimeout")
    policy.done()
    return Retry(
        on_failure=retryable,
        statuses=statuses,
        grpc_codes=codes,
        limit=1 if limit is None else limit,
        per_try_timeout_ms=per_try or None,
        backoff=Backoff(),
        budget=own,
    )


def _retry_on(policy: Fields) -> tuple[list[StatusRange], list[int]]:
    """Statuses and gRPC codes of a list such as "5xx,unavailable". 5xx means gRPC failures too: they come with 200."""
    statuses: list[StatusRange] = []
    codes: set[int] = set()
    for word in (part.strip() for part in policy.text("retryOn", required=True).split(",")):
        if word in GRPC_NAMES:
            codes.add(GRPC_NAMES[word])
        elif word:
            try:
                statuses += parse_http_statuses(word)
            except ValueError as error:
                policy.problem("retryOn", f"{error}, nor one of {', '.join(GRPC_NAMES)}")
            codes |= GRPC_FAILURES if word == "5xx" else set()
    return statuses, sorted(codes)


def request_condition(fields: Fields, depth: int = 0) -> Condition:
    """A condition on requests: method, pathRegex, all, any, not. An empty one is a fault (Linkerd)."""
    if depth > _MAX_DEPTH:
        fields.problem("", f"conditions nest deeper than {_MAX_DEPTH}")
        return Condition()
    if not fields.names():
        fields.problem("", "must not be empty: set method, pathRegex, all, any or not")
    method = fields.text("method")
    path = fields.regex("pathRegex") if fields.has("pathRegex") else ""
    negated = fields.child("not")
    condition = Condition(
        all=[request_condition(child, depth + 1) for child in fields.children("all")],
        any=[request_condition(child, depth + 1) for child in fields.children("any")],
        not_=None if negated is None else request_condition(negated, depth + 1),
        method=method.upper() or None,
        path=StringMatch(value=path, kind=MatchKind.regex) if path else None,
    )
    fields.done()
    return condition


def _response_class(fields: Fields) -> ResponseClass:
    condition = fields.child("condition", required=True)
    read = _response_condition(condition) if condition is not None else ResponseCondition()
    response_class = ResponseClass(condition=read, is_failure=fields.boolean("isFailure"))
    fields.done()
    return response_class


def _response_condition(fields: Fields, depth: int = 0) -> ResponseCondition:
    if depth > _MAX_DEPTH:
        fields.problem("", f"conditions nest deeper than {_MAX_DEPTH}")
        return ResponseCondition()
    if not fields.names():
        fields.problem("", "must not be empty: set status, all, any or not")
    negated = fields.child("not")
    status = fields.child("status")
    condition = ResponseCondition(
        all=[_response_condition(child, depth + 1) for child in fields.children("all")],
        any=[_response_condition(child, depth + 1) for child in fields.children("any")],
        not_=None if negated is None else _response_condition(negated, depth + 1),
        status=None if status is None else _statuses(status),
    )
    fields.done()
    return condition


def _statuses(fields: Fields) -> StatusRange:
    """Both ends included; an end that is left out is open."""
    if not fields.names():
        fields.problem("", "must not be empty: set min, max or both")
    low = fields.integer("min", 100, 599)
    high = fields.integer("max", 100, 599)
    if low is not None and high is not None and low > high:
        fields.problem("max", f"must not be smaller than min ({low})")
    fields.done()
    return StatusRange(min=100 if low is None else low, max=599 if high is None else high)
