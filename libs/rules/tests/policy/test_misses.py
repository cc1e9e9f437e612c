"""Nearest misses: which rule is named, and what it says was wanting."""

import pytest

from linkerd_contract.inbound import AuthnKind, Authorization, Network
from linkerd_contract.matching import Condition, MatchKind, NamedMatch, StringMatch
from linkerd_contract.resource import ResourceRef
from linkerd_rules.policy.match import request
from linkerd_rules.policy.misses import nearest_authorization, nearest_route


def ref(name: str) -> ResourceRef:
    return ResourceRef(group="g", kind="K", namespace="ns", name=name)


BOT = Authorization(resource=ref("bot"), authn=AuthnKind.tls_authenticated, identities=["bot"])
NEAR = Authorization(resource=ref("near"), networks=[Network("10.0.0.0/8")])
BOTH = Authorization(
    resource=ref("both"), networks=[Network("10.0.0.0/8")], authn=AuthnKind.tls_authenticated, suffixes=["x"]
)


@pytest.mark.parametrize(
    ("authorizations", "ip", "identity", "expected"),
    [
        ([], "10.0.0.1", None, ""),
        ([BOT], "10.0.0.1", None, "K ns/bot did not allow it: the client came without the mesh's TLS"),
        ([BOT], "10.0.0.1", "web", "K ns/bot did not allow it: the client is web, and it lets in bot"),
        (
            [NEAR],
            "11.0.0.1",
            None,
            "K ns/near did not allow it: the address 11.0.0.1 is not in its networks (10.0.0.0/8)",
        ),
        (
            [BOTH],
            "11.0.0.1",
            "web",
            "K ns/both did not allow it: the address 11.0.0.1 is not in its networks (10.0.0.0/8) "
            "and the client is web, and it lets in *.x",
        ),
        (
            [BOT, BOTH],
            "11.0.0.1",
            "a.x",
            "K ns/both did not allow it: the address 11.0.0.1 is not in its networks (10.0.0.0/8)",
        ),
    ],
)
def test_authorizations(authorizations: list[Authorization], ip: str, identity: str | None, expected: str) -> None:
    assert nearest_authorization(authorizations, ip, identity, identity is not None) == expected


PATH = StringMatch("/api", MatchKind.prefix)
GET = Condition(path=PATH, method="GET", headers=[NamedMatch("a", StringMatch("1"))])


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        (b"POST", b"/api/x", [(b"a", b"1")], "K ns/r did not take it: the method is not GET"),
        (b"GET", b"/other", [(b"a", b"1")], "K ns/r did not take it: the path is not prefix /api"),
        (b"GET", b"/api", [], "K ns/r did not take it: the header a is not 1"),
        (b"PUT", b"/api", [], "K ns/r did not take it: the method is not GET and the header a is not 1"),
        (b"GET", b"/api", [(b"A", b"1")], ""),
    ],
)
def test_routes(method: bytes, path: bytes, headers: list[tuple[bytes, bytes]], expected: str) -> None:
    candidates = [
        (ref("r"), "r", [], [GET]),
        (ref("far"), "far", [StringMatch("h")], [Condition(path=StringMatch("/zzz"), method="DELETE")]),
    ]
    asked = request(method, b"web", path, headers)
    if expected:
        assert nearest_route(candidates, asked) == expected
    else:
        assert nearest_route(candidates[:1], asked) == ""
