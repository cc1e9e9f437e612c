"""A tap's match tree as one predicate over a request and its way; what a tree may cost is bounded."""

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network

from linkerd_contract.tap import TapMatch
from linkerd_proxy.codec.headers import find
from linkerd_proxy.http.exchange import Exchange
from linkerd_proxy.http.watch import Facts
from linkerd_runtime.settings import Addr

MAX_NODES = 256
MAX_DEPTH = 16

Test = Callable[[Exchange, Facts], bool]


class BadMatch(ValueError):
    """The tree cannot be used; the message says why."""


def compile_match(match: TapMatch) -> Test:
    """The tree's predicate. Raises BadMatch: bad CIDR or ports, too deep or too large."""
    if _size(match, 1) > MAX_NODES:
        raise BadMatch(f"match: more than {MAX_NODES} nodes")
    return _compile(match)


def _size(match: TapMatch, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise BadMatch(f"match: nested more than {MAX_DEPTH} deep")
    children = [*match.all, *match.any, *([] if match.not_ is None else [match.not_])]
    return 1 + sum(_size(child, depth + 1) for child in children)


def _compile(match: TapMatch) -> Test:
    tests = [*_head_tests(match), *_address_tests(match), *_label_tests(match)]
    tests += [_compile(child) for child in match.all]
    if match.any:
        tests.append(_any([_compile(child) for child in match.any]))
    if match.not_ is not None:
        tests.append(_not(_compile(match.not_)))
    return lambda x, facts: all(test(x, facts) for test in tests)


def _any(tests: list[Test]) -> Test:
    return lambda x, facts: any(test(x, facts) for test in tests)


def _not(test: Test) -> Test:
    return lambda x, facts: not test(x, facts)


def _head_tests(match: TapMatch) -> list[Test]:
    tests: list[Test] = []
    if match.scheme is not None:
        scheme = match.scheme.encode()
        tests.append(lambda x, _: find(x.head.fields, b":scheme") == scheme)
    if match.method is not None:
        method = match.method.encode()
        tests.append(lambda x, _: x.head.method == method)
    if match.authority is not None:
        authority = match.authority.encode()
        tests.append(lambda x, _: x.head.authority == authority)
    if match.authority_prefix is not None:
        authority_prefix = match.authority_prefix.encode()
        tests.append(lambda x, _: x.head.authority.startswith(authority_prefix))
    if match.path is not None:
        path = match.path.encode()
        tests.append(lambda x, _: x.head.path == path)
    if match.path_prefix is not None:
        path_prefix = match.path_prefix.encode()
        tests.append(lambda x, _: x.head.path.startswith(path_prefix))
    return tests


def _address_tests(match: TapMatch) -> list[Test]:
    tests: list[Test] = []
    if match.source_cidr is not None:
        from_network = _network("sourceCidr", match.source_cidr)
        tests.append(lambda x, facts: from_network(facts.client(x)))
    if match.destination_cidr is not None:
        to_network = _network("destinationCidr", match.destination_cidr)
        tests.append(lambda _, facts: to_network(facts.destination))
    low, high = match.destination_port_min, match.destination_port_max
    if low is not None or high is not None:
        first, last = low or 1, 65_535 if high is None else high
        if not 0 < first <= last <= 65_535:
            raise BadMatch(f"match: {first}-{last} is no range of ports")
        tests.append(lambda _, facts: first <= facts.destination.port <= last)
    return tests


def _network(name: str, cidr: str) -> Callable[[Addr | None], bool]:
    try:
        network = ip_network(cidr, strict=False)
    except ValueError as error:
        raise BadMatch(f"match: {name}: {error}") from error
    return lambda addr: addr is not None and ip_address(addr.host) in network


def _label_tests(match: TapMatch) -> list[Test]:
    tests: list[Test] = []
    if match.destination_labels:
        destination = match.destination_labels
        tests.append(lambda _, facts: _has(facts.destination_labels, destination))
    if match.route_labels:
        route = match.route_labels
        tests.append(lambda _, facts: _has(facts.route_labels, route))
    return tests


def _has(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in wanted.items())
