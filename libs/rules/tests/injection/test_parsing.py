"""Values of annotations: what is taken, what is refused."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_rules.injection import parsing

TAKEN: list[tuple[Callable[[str], object], str, object]] = [
    (parsing.boolean, "true", True),
    (parsing.boolean, "F", False),
    (parsing.enabled, "enabled", True),
    (parsing.enabled, "disabled", False),
    (parsing.port, "4143", 4143),
    (parsing.integer(-1, 10), "-1", -1),
    (parsing.ratio, "0.5", 0.5),
    (parsing.duration, "1.5s", "1500ms"),
    (parsing.duration, "100ms", "100ms"),
    (parsing.quantity, "100m", "100m"),
    (parsing.quantity, "64Mi", "64Mi"),
    (parsing.quantity, "1e3", "1e3"),
    (parsing.quantity, "", ""),
    (parsing.port_set, " 80, 8000-8100 ", "80,8000-8100"),
    (parsing.port_set, "", ""),
    (parsing.named_port_set, "25, mysql,100-200, 9p-web", "25,mysql,100-200,9p-web"),
    (parsing.subnets, "10.0.0.0/8, fd00::/8", "10.0.0.0/8,fd00::/8"),
    (parsing.image, "cr.l5d.io/linkerd/proxy", "cr.l5d.io/linkerd/proxy"),
    (parsing.tag, "edge-24.1.1", "edge-24.1.1"),
    (parsing.plain, " warn,linkerd=debug ", "warn,linkerd=debug"),
    (parsing.env_vars, '[{"name": "A", "value": "1"}]', [{"name": "A", "value": "1"}]),
]

REFUSED: list[tuple[Callable[[str], object], str]] = [
    (parsing.boolean, "yes"),
    (parsing.enabled, "true"),
    (parsing.port, "0"),
    (parsing.port, "65536"),
    (parsing.port, "٣"),
    (parsing.integer(0, 5), "--1"),
    (parsing.ratio, "1"),
    (parsing.ratio, "nan"),
    (parsing.duration, "10"),
    (parsing.quantity, "-1"),
    (parsing.quantity, "10 Mi"),
    (parsing.port_set, "http"),
    (parsing.port_set, "90-80"),
    (parsing.named_port_set, "Mysql"),
    (parsing.named_port_set, "70000"),
    (parsing.subnets, "10.0.0.1/8"),
    (parsing.subnets, "cluster"),
    (parsing.image, "a b"),
    (parsing.tag, "v:1"),
    (parsing.plain, "a\nb"),
    (parsing.plain, " "),
    (parsing.env_vars, "{}"),
    (parsing.env_vars, '[{"value": "1"}]'),
    (parsing.env_vars, '[{"name": "A", "value": 1}]'),
    (parsing.env_vars, '[{"name": "A", "value": "1", "valueFrom": {}}]'),
    (parsing.env_vars, '[{"name": "A", "other": 1}]'),
    (parsing.env_vars, "[" * 100_000),
]


@pytest.mark.parametrize(("parse", "text", "value"), TAKEN)
def test_taken(parse: Callable[[str], object], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text"), REFUSED)
def test_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


@pytest.mark.parametrize(
    ("cpu", "workers"),
    [("100m", 1), ("1", 1), ("1001m", 2), ("1.5", 2), ("2000m", 2), ("1e1", 10), ("4k", 4000), ("", 1), ("9E", 9)],
)
def test_cores_round_up(cpu: str, workers: int) -> None:
    assert parsing.cores(cpu) == workers


@given(st.sampled_from([parse for parse, _, _ in TAKEN]), st.text(max_size=60))
def test_nothing_but_value_errors(parse: Callable[[str], object], text: str) -> None:
    with contextlib.suppress(ValueError):
        parse(text)


@given(st.from_regex(r"[0-9.]{1,30}(n|u|m|k|M|Ki|[eE][-+]?[0-9]{1,20})?", fullmatch=True))
def test_every_quantity_gives_workers(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert 1 <= parsing.cores(parsing.quantity(text)) <= 1_000_000
