"""The fast reader against the contract's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.exposition import Unreadable, parse
from linkerd_viz.families import WANTED
from linkerd_viz.pages import read


def _read(text: str) -> list[tuple[str, float]]:
    page = read(text)
    return list(zip(page.keys, page.values, strict=True))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('response_total{a="1"} 2', [('response_total{a="1"}', 2.0)]),
        ("response_total 2", [("response_total", 2.0)]),
        ('response_total{a="1"} 2 1700000000', [('response_total{a="1"}', 2.0)]),
        ('response_total{a="1"} 2 # {t="x"} 1', [('response_total{a="1"}', 2.0)]),
        ('response_total{a="} 7 # "} 2', [('response_total{a="} 7 # "}', 2.0)]),
        ("other 1", []),
        ("# TYPE response_total counter", []),
        ("", []),
    ],
)
def test_lines(line: str, expected: list[tuple[str, float]]) -> None:
    assert _read(f"{line}\n# EOF\n") == expected


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("response_total x", "line 2: 'x' is not a number"),
        ('response_total{a="1" 1', "line 2 is not a sample"),
        ('response_total{a="1"} NaN', 'response_total{a="1"} is nan'),
        ('response_total{a="1"} +Inf', 'response_total{a="1"} is inf'),
    ],
)
def test_what_cannot_be_used_is_named(line: str, told: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(f"x 1\n{line}\n")
    assert str(caught.value) == told


_TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8)
_ESCAPED = _TEXT.map(lambda text: text.replace("\\", "\\\\").replace('"', '\\"'))
_LINE = st.builds(
    lambda name, label, value, tail: f'{name}{{le="{label}"}} {value}{tail}',
    st.sampled_from(["response_total", "response_latency_ms_bucket", "other"]),
    _ESCAPED,
    st.floats(0, 1e12),
    st.sampled_from(["", "", "", " 17", ' # {t="x"} 1']),
)


@given(st.lists(_LINE, max_size=8))
def test_reads_what_the_contracts_parser_reads(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert _read(text) == [(f"{name}{{{labels}}}", value) for name, labels, value in parse(text, WANTED)]
