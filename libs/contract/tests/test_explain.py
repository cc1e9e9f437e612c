"""Trace ids: what proxies write and `linkerd explain ID` reads."""

from pathlib import Path

import pytest

from linkerd_contract.codec import decode
from linkerd_contract.explain import ProxyErrorLine, pod_tag, tag_of, trace_id


def test_an_id_leads_back_to_its_pod() -> None:
    tag = pod_tag("emojivoto", "web-0")
    assert len(tag) == 8
    assert tag != pod_tag("emojivoto", "web-1")
    assert tag_of(trace_id(tag, 0)) == tag
    assert tag_of(trace_id(tag, 2**40)) == tag


@pytest.mark.parametrize(
    "text", ["", "-", "web-0", "0123456-0001", "0123456G-0001", "01234567-1", "01234567-" + "0" * 17]
)
def test_what_is_not_an_id(text: str) -> None:
    assert tag_of(text) is None


def test_the_line_of_the_header_is_as_agreed() -> None:
    golden = Path(__file__).parent / "golden"
    line = decode((golden / "proxy-error.json").read_bytes(), ProxyErrorLine)
    text = (golden / "proxy-error.txt").read_text().rstrip("\n")
    assert line.text() == text
    assert ProxyErrorLine.parse(text) == line


@pytest.mark.parametrize(
    "line",
    [
        ProxyErrorLine("service in fail-fast"),
        ProxyErrorLine("required [x], found [y]", code="identity required", id="0af7651c-0012"),
        ProxyErrorLine("m", peer="[fd00::7]:8080"),
        ProxyErrorLine("a [code: b]", phase="c"),
    ],
)
def test_lines_are_read_as_they_were_written(line: ProxyErrorLine) -> None:
    assert ProxyErrorLine.parse(line.text()) == line


@pytest.mark.parametrize("text", ["", "plain", "odd [bracket]", "odd [code: x", "x [other: y]", "x []"])
def test_what_is_no_such_line_is_all_message(text: str) -> None:
    assert ProxyErrorLine.parse(text) == ProxyErrorLine(text)


def test_a_line_is_one_line_of_ascii() -> None:
    line = ProxyErrorLine("two\r\nlines: \u00e9 ", code="x\ny")
    assert line.text() == "two  lines: ? [code: x y]"
