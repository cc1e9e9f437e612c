"""Documents of the control plane, bent: the watch protocol's reader, and then every decision made from what it took."""

import dataclasses
from copy import deepcopy
from pathlib import Path
from random import Random

import msgspec
from services.proxy.tests.fuzz.targets import Target

from linkerd_contract import codec
from linkerd_contract.inbound import InboundDocument
from linkerd_contract.outbound import OutboundDocument
from linkerd_contract.tap import TapRequest
from linkerd_contract.watch import ServerMessage, WatchKind
from linkerd_proxy.addrs import server_addr
from linkerd_proxy.balance import P2C, FailFast
from linkerd_proxy.codec.h1 import writer
from linkerd_proxy.control.watches import BadMessage, Watches
from linkerd_proxy.http.exchange import GONE, Exchange
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.http.watch import Facts
from linkerd_proxy.tap.match import BadMatch, compile_match
from linkerd_proxy.telemetry import labels
from linkerd_rules.policy import CompiledRoute, InboundPolicy, OutboundPolicy
from linkerd_rules.policy.budget import Budget
from linkerd_rules.policy.filters import Filters
from linkerd_rules.policy.filters import Target as Redirecting
from linkerd_runtime.settings import Addr

GOLDEN = Path(__file__).parents[4] / "libs/contract/tests/golden"
FIELDS = [(b":method", b"POST"), (b":path", b"/a/b?c=d"), (b":authority", b"web:80"), (b"x-user", b"ann")]
REQUEST = (b"POST", b"web:80", b"/a/b?c=d", FIELDS)


def _messages() -> list[bytes]:
    kinds: dict[str, type[OutboundDocument] | type[InboundDocument]] = {
        "outbound-gateway": OutboundDocument,
        "outbound-service-profile": OutboundDocument,
        "outbound-forbidden": OutboundDocument,
        "inbound": InboundDocument,
    }
    found = []
    for name, kind in kinds.items():
        document = codec.decode((GOLDEN / f"{name}.json").read_bytes(), kind)
        watch = 2 if kind is InboundDocument else 1
        found.append(codec.encode(ServerMessage(watch, "v1", set=msgspec.Raw(codec.encode(document)))))
    found += [(GOLDEN / f"watch-{name}.json").read_bytes() for name in ("set", "delta", "error", "current")]
    return [message.replace(b'"id":7', b'"id":1') for message in found]


def _watches() -> Watches:
    watches = Watches("emojivoto/web-0", "node", "zone")
    watches.connected()
    watches.add(WatchKind.outbound, "10.0.0.1:80")
    watches.add(WatchKind.inbound, "")
    return watches


Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

ODD: tuple[Json, ...] = (
    None, True, 0, -1, 1, 2**31, 2**63, 10**30, 1e308, -0.5, "", "*", "a\r\nb: c", "\0", "é" * 10, "x" * 300, "[",
    "(a+)+$", "10.0.0.0/33", "::/0", "300.1.1.1:80", "a:b", "99999", [], {}, [[]], ["x"], {"x": 1},
)  # fmt: skip
"""What stands where something else should."""


def bent(message: bytes, rng: Random) -> bytes:
    """The same message with some of its values replaced, doubled or taken away."""
    document: Json = msgspec.json.decode(message)
    for _ in range(rng.choice((1, 1, 2, 5))):
        holders: list[tuple[dict[str, Json] | list[Json], str | int]] = []
        _holders(document, holders)
        if not holders:
            break
        holder, key = rng.choice(holders)
        way = rng.random()
        if isinstance(holder, list):
            assert isinstance(key, int)
            if way < 0.2:
                del holder[key]
            elif way < 0.4:
                holder.append(deepcopy(holder[key]))
            else:
                holder[key] = deepcopy(rng.choice(ODD))
        else:
            assert isinstance(key, str)
            if way < 0.2:
                del holder[key]
            else:
                holder[key] = deepcopy(rng.choice(ODD))
    return msgspec.json.encode(document)


def _holders(value: Json, found: list[tuple[dict[str, Json] | list[Json], str | int]]) -> None:
    """Every place of a value in a list or object."""
    if isinstance(value, dict):
        for key, child in value.items():
            found.append((value, key))
            _holders(child, found)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            found.append((value, index))
            _holders(child, found)


def documents(data: bytes) -> None:
    rng = Random(data)
    watches = _watches()
    # Bytes bent anywhere are seldom JSON: the same number of messages is bent in its values.
    for message in (data, bent(rng.choice(MESSAGES), rng), bent(rng.choice(MESSAGES), rng)):
        try:
            watched, _ = watches.received(message)
        except BadMessage:
            continue
        try:
            if watched is None or watched.policy is None:
                continue
            if isinstance(watched.policy, OutboundPolicy):
                _decide_outbound(watched.policy)
            else:
                _decide_inbound(watched.policy)
        except Exception as error:
            error.add_note(f"message: {message!r}")
            raise


def _decide_outbound(policy: OutboundPolicy) -> None:
    policy.route(*REQUEST)
    for backend in policy.doc.backends.values():
        for endpoint in backend.endpoints:
            server_addr(endpoint.addr)
    for route in policy.routes:
        _decide_route(route)
    _balance(policy.doc)


def _balance(doc: OutboundDocument) -> None:
    budgets = [doc.retry_budget, *(r.retry.budget for r in doc.routes if r.retry is not None and r.retry.budget)]
    for settings in budgets:
        budget = Budget(settings, 1.0)
        for now in (1.0, 2.0, 1e6):
            budget.deposit(now)
            budget.withdraw(now)
    failfast = FailFast(doc.balancer.failfast_ms / 1000)
    failfast.unready(1.0)
    failfast.check(1.0)
    for backend in doc.backends.values():
        balancer: P2C[None] = P2C(lambda: 0.5, lambda _: None, doc.balancer, doc.failure_accrual)
        balancer.reset(backend.endpoints, 1.0)
        for now in (1.0, 1.0, 1.1, 30.0):
            state = balancer.pick(now)
            if state is not None:
                state.begin()
                state.observe(10.0, now)
                state.classify(False, now)
            wake = balancer.next_admission()
            assert wake is None or wake < 1e9


def _decide_route(route: CompiledRoute) -> None:
    ref = route.pick_backend(0.5, lambda _: False)
    for success in (200, 503):
        route.classify(success, 14, True)
        if route.retry is not None:
            route.retry.retryable(success, 14, False)
            assert 0 <= route.retry.wait(3, 0.5) < 1e9
            assert 0 <= (route.retry.try_timeout(0) or 0) < 1e9
    for limit in dataclasses.astuple(route.timeouts):
        assert limit is None or 0 < limit < 1e9
    for filters in (route.filters, *route.backend_filters.values()):
        _apply(filters)
    assert ref is None or any(backend.ref == ref for backend in route.route.backends)


def _decide_inbound(policy: InboundPolicy) -> None:
    for port in (80, 8080):
        rules = policy.port(port)
        rules.authorize_tcp("10.1.2.3", None, False)
        if rules.rate_limiter is not None:
            for now in (0.0, 0.0, 5.0):
                rules.rate_limiter.take("web", now)
        rules.route(*REQUEST)
        for rule in rules.rules:
            rule.authorize("::1", "web.emojivoto", True)
            _apply(rule.filters)
        assert rules.has_profiles is bool(rules.policy.profiles)
        for one in rules.policy.profiles:
            profile = rules.profile(one.authority.encode())
            assert profile is not None
            route = profile.route(*REQUEST)
            if route is not None:
                route.classify(503, 14, True)
                assert "\n" not in labels.render(labels.prefixed("rt", route.route.labels))


def _apply(filters: Filters) -> None:
    """What filters make of a head must be a head."""
    filters.answer(Redirecting("http", "web:80", "/a/b?c=d", "/a"), 0.5)
    assert 0 <= filters.delay_ms(0.5) < 1e12
    fields = filters.request_headers(FIELDS)
    assert writer.request_head(b"GET", b"/", b"1.1", [field for field in fields if field[0][:1] != b":"])
    assert writer.response_head(200, b"1.1", [*filters.response_headers([(b"a", b"b")])])


TAPS = [(GOLDEN / "tap-request.json").read_bytes()]
TAPPED = Exchange(GONE, None, RequestHead(FIELDS), 0.0)
WAY = Facts(Addr("10.42.0.7", 80), source_labels={}, destination_labels={"deployment": "voting"}, route_labels={})


def tap_match(data: bytes) -> None:
    for request in (data, bent(TAPS[0], Random(data))):
        try:
            match = codec.decode(request, TapRequest).match
        except ValueError:
            continue
        try:
            test = compile_match(match)
        except BadMatch:
            continue
        assert test(TAPPED, WAY) in (True, False)


TAP_MATCH = Target("tap match", TAPS, tap_match)

MESSAGES = _messages()
DOCUMENTS = Target("control documents", MESSAGES, documents)
