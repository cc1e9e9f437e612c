"""Filters of routes: header changes, redirects, and our FaultInjection by reference.

FaultInjection (policy.linkerd.io/v1alpha1) is what a filter of type ExtensionRef names: `abort {httpStatus or
grpcStatus, percentage, message}` and `delay {duration, percentage}`, percentages from 0 to 100.
"""

import re

from msgspec import Struct

from linkerd_contract.matching import Fault, Filter, FilterType, HeaderModifier, HeaderValue, Redirect
from linkerd_rules.validation.fields import Fields, is_dns_name
from linkerd_rules.validation.meta import Meta, Reading, Resource, read_document
from linkerd_rules.validation.references import POLICY_GROUP

FAULT_KIND = "FaultInjection"
_TYPES = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
    "RequestRedirect": "requestRedirect",
    "ExtensionRef": "extensionRef",
}
_REDIRECTS = (301, 302, 303, 307, 308)
# RFC 9110 token.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")


class FilterRef(Struct, frozen=True):
    """A FaultInjection of the route's namespace."""

    name: str


class FaultInjection(Resource, frozen=True, kw_only=True):
    """The filters that a reference stands for."""

    filters: tuple[Filter, ...] = ()


def read_filters(parent: Fields) -> tuple[Filter | FilterRef, ...]:
    """The filters of a rule or backend."""
    found: list[Filter | FilterRef] = []
    for fields in parent.children("filters"):
        kind = fields.choice("type", _TYPES, required=True)
        if kind:
            body = fields.child(_TYPES[kind], required=True)
            if body is not None:
                found.append(_filter(kind, body))
                body.done()
        fields.done()
    return tuple(found)


def _filter(kind: str, body: Fields) -> Filter | FilterRef:
    if kind == "RequestHeaderModifier":
        return Filter(type=FilterType.request_headers, headers=_modifier(body))
    if kind == "ResponseHeaderModifier":
        return Filter(type=FilterType.response_headers, headers=_modifier(body))
    if kind == "RequestRedirect":
        return Filter(type=FilterType.redirect, redirect=_redirect(body))
    if (body.text("group"), body.text("kind", required=True)) != (POLICY_GROUP, FAULT_KIND):
        body.problem("kind", f"must be {FAULT_KIND}, of group {POLICY_GROUP}")
    return FilterRef(body.text("name", required=True))


def _modifier(body: Fields) -> HeaderModifier:
    if not body.names():
        body.problem("", "changes nothing: set set, add or remove")
    removed = body.texts("remove")
    for n, name in enumerate(removed):
        check_header(body, f"remove[{n}]", name)
    return HeaderModifier(set=_headers(body, "set"), add=_headers(body, "add"), remove=removed)


def _headers(body: Fields, name: str) -> list[HeaderValue]:
    found: list[HeaderValue] = []
    for fields in body.children(name):
        header = HeaderValue(name=fields.text("name", required=True), value=fields.text("value", required=True))
        check_header(fields, "name", header.name)
        if any(c in header.value for c in "\r\n\0"):
            fields.problem("value", "must not have line breaks or NUL in it")
        fields.done()
        found.append(header)
    return found


def check_header(fields: Fields, name: str, text: str) -> None:
    """Report what is not the name of a header."""
    if text and not _TOKEN.fullmatch(text):
        fields.problem(name, f"{text!r} is not the name of a header")


def _redirect(body: Fields) -> Redirect:
    host = body.text("hostname")
    if host and not is_dns_name(host):
        body.problem("hostname", f"{host!r} is not a name in DNS")
    status = body.integer("statusCode", 300, 399)
    if status is not None and status not in _REDIRECTS:
        body.problem("statusCode", f"must be one of {', '.join(map(str, _REDIRECTS))}")
    path, full, prefix = body.child("path"), None, None
    if path is not None:
        kind = path.choice("type", ("ReplaceFullPath", "ReplacePrefixMatch"), required=True)
        full_text, prefix_text = path.text("replaceFullPath"), path.text("replacePrefixMatch")
        full = (full_text or "/") if kind == "ReplaceFullPath" else None
        prefix = (prefix_text or "/") if kind == "ReplacePrefixMatch" else None
        path.done()
    return Redirect(
        scheme=body.choice("scheme", ("http", "https")) or None,
        host=host or None,
        port=body.integer("port", 1, 65535),
        path=full,
        prefix=prefix,
        status=status or 302,
    )


def read_fault_injection(obj: object) -> Reading[FaultInjection]:
    """A FaultInjection."""
    return read_document(obj, _fault_injection)


def _fault_injection(meta: Meta, _annotations: Fields, spec: Fields) -> FaultInjection:
    if not spec.names():
        spec.problem("", "injects nothing: set abort, delay or both")
    filters: list[Filter] = []
    delay = spec.child("delay")
    if delay is not None:
        waited = delay.duration_ms("duration", required=True) or 0
        filters.append(Filter(type=FilterType.delay, fault=Fault(percent=_percent(delay), delay_ms=waited)))
        delay.done()
    abort = spec.child("abort")
    if abort is not None:
        abort.one_of("httpStatus", "grpcStatus")
        fault = Fault(
            percent=_percent(abort),
            http_status=abort.integer("httpStatus", 200, 599),
            grpc_status=abort.integer("grpcStatus", 1, 16),
            message=abort.text("message"),
        )
        filters.append(Filter(type=FilterType.abort, fault=fault))
        abort.done()
    return FaultInjection(meta=meta, filters=tuple(filters))


def _percent(fields: Fields) -> float:
    percent = fields.number("percentage", 0.0, 100.0)
    return 100.0 if percent is None else percent
