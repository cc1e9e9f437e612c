"""Table, short, json."""

import io
import json

import pytest

from linkerd_cli.check.model import Answer, Category, Check
from linkerd_cli.check.report import MARKS, Json, Report, Table, marks_for
from linkerd_cli.check.state import State


async def _never(_state: State) -> None:
    raise AssertionError


GOOD, ODD, BAD = (Check(f"is {word}", word, _never) for word in ("good", "odd", "bad"))
FIRST, SECOND = Category("first", ()), Category("second-one", ())


def _tell(report: Report, *, bad: bool = True) -> None:
    report.answer(FIRST, Answer(GOOD, "success"))
    report.answer(FIRST, Answer(ODD, "warning", "it is odd"))
    report.extension()
    if bad:
        report.answer(SECOND, Answer(BAD, "error", "two\nlines"))
    report.waiting(GOOD, "not yet")
    report.end(not bad)


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(Table(MARKS))
    assert capsys.readouterr().out == (
        "first\n-----\n√ is good\n‼ is odd\n    it is odd\n    see docs/checks.md#odd for hints\n"
        "\nsecond-one\n----------\n× is bad\n    two\n    lines\n    see docs/checks.md#bad for hints\n"
        "\nStatus check results are ×\n"
    )


def test_short(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(Table(MARKS, short=True), bad=False)
    assert capsys.readouterr().out == (
        "first\n-----\n‼ is odd\n    it is odd\n    see docs/checks.md#odd for hints\n\nStatus check results are √\n"
    )


def test_json_has_a_document_for_each_extension(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(Json())
    decoder = json.JSONDecoder()
    out = capsys.readouterr().out
    core, end = decoder.raw_decode(out)
    extension, _ = decoder.raw_decode(out[end:].lstrip())
    assert core == {
        "success": True,
        "categories": [
            {
                "categoryName": "first",
                "checks": [
                    {"description": "is good", "result": "success"},
                    {
                        "description": "is odd",
                        "hint": "docs/checks.md#odd",
                        "error": "it is odd",
                        "result": "warning",
                    },
                ],
            }
        ],
    }
    assert extension["success"] is False


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "coloured"),
    [
        (_Terminal(), {}, True),
        (_Terminal(), {"NO_COLOR": ""}, True),
        (_Terminal(), {"NO_COLOR": "1"}, False),
        (_Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colours_only_on_a_terminal_that_wants_them(
    stream: io.StringIO, environ: dict[str, str], coloured: bool
) -> None:
    marks = marks_for(stream, environ)
    assert list(marks) == ["success", "warning", "error"]
    assert marks["success"] == ("\033[32m√\033[0m" if coloured else "√")


def test_on_a_terminal_what_is_asked_is_shown_until_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", shown := _Terminal())
    table = Table(MARKS)
    table.waiting(GOOD, "")
    assert shown.getvalue() == "\r\033[K… is good"
    table.waiting(GOOD, "not yet\nmore of it")
    table.answer(FIRST, Answer(GOOD, "success"))
    lines = shown.getvalue().split("\r\033[K")
    assert lines == ["", "… is good", "… is good (not yet)", "first\n-----\n√ is good\n"]
