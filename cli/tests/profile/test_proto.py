"""Routes of Protocol Buffers files, in every syntax that protoc takes."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_cli.errors import CliError
from linkerd_cli.profile.proto import profile
from linkerd_rules.validation.profile import read_service_profile

NAME = "voting-svc.emojivoto.svc.cluster.local"
VOTING = Path(__file__).parents[3] / "examples/emojivoto/proto/Voting.proto"
EVERYTHING = """\
// service Commented { rpc Out (A) returns (B); }
/* service
   Also { rpc Out (A) returns (B); } */
syntax = "proto2";
import "google/protobuf/descriptor.proto";
import public 'other.proto';
package acme . /* never */ nothing;
"""
NESTED = """\
syntax = 'proto3';
option java_package = "service Quoted { rpc X (A) returns (B); }";
option (acme.file) = { nested { deep: [1, 2, { a: "}" }] } other: < x: 1 > };
extend google.protobuf.MethodOptions { optional string level = 50001 [default = "}{"]; }
message Service {
  message Inner { enum rpc { NONE = 0; MINUS = -1 [deprecated = true]; } }
  map<string, int32> service = 1;
};
service Books{option deprecated=true;
  rpc Get(.acme.v1.Get)returns(stream Book){option idempotency_level=NO_SIDE_EFFECTS;}
  rpc Put (stream Book) returns (google.protobuf.Empty) {
    option (google.api.http) = { put: "/v1/{book.name=*}" additional_bindings { body: "*" } };
    option idempotency_level = IDEMPOTENT;
    option (acme.level).inner = "x";
  };
  rpc List (Q) returns (B) { option idempotency_level = IDEMPOTENCY_UNKNOWN; }
  ;
  rpc Add (Book) returns (Book) {}
}
package acme.v1;
service _Second { rpc One (A) returns (B); }
"""


def routes(text: str) -> list[Any]:
    made = profile(text, "a.proto", NAME, "emojivoto")
    # What is printed must be what the webhook lets through.
    assert read_service_profile(made).problems == []
    spec = made["spec"]
    assert isinstance(spec, dict)
    found: list[Any] = spec["routes"]
    return found


def route(path: str, *, repeatable: bool = False) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    made: dict[str, Any] = {"name": name, "condition": {"method": "POST", "pathRegex": path}}
    return made | ({"isRetryable": True} if repeatable else {})


def test_options_comments_and_nesting() -> None:
    assert routes(NESTED) == [
        route(r"/acme\.v1\.Books/Get", repeatable=True),
        route(r"/acme\.v1\.Books/Put", repeatable=True),
        route(r"/acme\.v1\.Books/List"),
        route(r"/acme\.v1\.Books/Add"),
        route(r"/acme\.v1\._Second/One"),
    ]


def test_without_a_package() -> None:
    assert routes("service S { rpc M (A) returns (B); }") == [route("/S/M")]


def test_emojivoto() -> None:
    found = routes(VOTING.read_text())
    assert route(r"/emojivoto\.v1\.VotingService/VoteDoughnut") in found
    assert len(found) > 40


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a.proto: no service with an RPC in it"),
        ("message A {}", "a.proto: no service with an RPC in it"),
        (EVERYTHING, r"a\.proto:7: \.: expected ;"),
        ("service S {\n rpc M (A) returns (B)", "a.proto:2: the file ends in the middle of a statement"),
        ("service S {\n rpc M (A) (B); }", r"a\.proto:2: \(: expected returns"),
        ("service S {\n\n rpc 9 (A) returns (B); }", "a.proto:3: 9: expected an RPC's name"),
        ("service S { rpc M (A) returns (B) = 1; }", "a.proto:1: =: expected { or ;"),
        ("service S { rpc M (A] returns (B); }", r"a\.proto:1: \]: it closes what is not open"),
        (
            "service S { rpc M (A) returns (B) { option idempotency_level = OFTEN; } }",
            "OFTEN: idempotency_level is one",
        ),
        ("}", "a.proto:1: }: nothing is open"),
        ("a\n§", r"a\.proto:2: '§' is not Protocol Buffers"),
        ("/* open", "is not Protocol Buffers"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(CliError, match=told):
        profile(text, "a.proto", NAME, "emojivoto")


WORDS = ("service", "rpc", "S", "(A)", "returns", "{", "}", ";", "option", "idempotency_level", "=", "IDEMPOTENT")
MARKS = ("package", "a.b", "[", "]", "message", "<", ">")
PIECES = st.sampled_from([*(f"{word} " for word in (*WORDS, *MARKS)), '"x', '"', "'", "//", "\n", "/*", "*/", "\x00"])


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=40))
def test_anything_is_read_or_refused(text: str) -> None:
    try:
        profile(text, "a.proto", NAME, "emojivoto")
    except CliError as error:
        assert str(error).startswith("a.proto")  # noqa: PT017
