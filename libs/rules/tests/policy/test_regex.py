"""Regular expressions: RE2's, anchored; without the engine they are refused, not guessed at."""

import sys

import pytest

from linkerd_rules.policy.regex import BadRegex, compile_regex


def test_without_the_engine_an_expression_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_regex.cache_clear()
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(BadRegex, match="google-re2"):
        compile_regex("/a.*")
    compile_regex.cache_clear()


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"/api/[^/]*/items", b"/api/v1/items", True),
        (r"/api/[^/]*/items", b"/x/api/v1/items", False),
        (r"/api", b"/api/v1", False),
        (r"/emojivoto\.v1\.VotingService/VoteDoughnut", b"/emojivoto.v1.VotingService/VoteDoughnut", True),
        (r".*", b"\xff\x00", True),
    ],
)
def test_expressions_are_anchored(pattern: str, text: bytes, matches: bool) -> None:
    pytest.importorskip("re2")
    assert compile_regex(pattern)(text) is matches


def test_a_bad_expression_is_named() -> None:
    pytest.importorskip("re2")
    with pytest.raises(BadRegex, match=r"\(unclosed"):
        compile_regex("(unclosed")


def test_the_reason_is_text() -> None:
    pytest.importorskip("re2")
    with pytest.raises(BadRegex) as raised:
        compile_regex("/ä(b")
    assert str(raised.value) == "'/ä(b' is not a regular expression: missing ): /ä(b"
