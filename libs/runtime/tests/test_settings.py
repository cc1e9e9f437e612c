"""Settings: values, defaults, and every bad value reported at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_runtime.settings import Addr, BadSettings, Reader, parse_addr


def test_values_and_defaults() -> None:
    read = Reader({"A": " text ", "B": "250ms", "C": "8080", "D": "TRUE", "E": "[::1]:80", "EMPTY": " ", "N": "0.5"})
    assert read.text("A") == "text"
    assert read.text("EMPTY", "default") == "default"
    assert read.optional("EMPTY") is None
    assert read.optional("A") == "text"
    assert read.duration_ms("B", 1) == 250
    assert read.duration_ms("X", 7) == 7
    assert read.port("C", 1) == 8080
    assert read.boolean("D", False) is True
    assert read.boolean("X", True) is True
    assert read.addr("E") == Addr("::1", 80)
    assert read.addr("X", "0.0.0.0:1") == Addr("0.0.0.0", 1)
    assert read.choice("X", "plain", ("plain", "json")) == "plain"
    assert read.number("N", 1.0) == 0.5
    assert read.convert("C", "", str.upper) == "8080"
    read.finish()


def test_every_bad_value_is_reported() -> None:
    read = Reader({"A": "5", "B": "70000", "C": "perhaps", "D": "localhost", "E": "red", "F": "-1", "G": "x", "H": "٣"})
    assert read.duration_ms("A", 10) == 10
    assert read.port("B", 80) == 80
    assert read.boolean("C", True) is True
    assert read.addr("D", "127.0.0.1:1") == Addr("127.0.0.1", 1)
    assert read.choice("E", "plain", ("plain", "json")) == "plain"
    assert read.integer("F", 3) == 3
    assert read.number("G", 2.0) == 2.0
    assert read.integer("H", 4) == 4
    read.text("MISSING")
    read.fail("I", "does not go with J")
    with pytest.raises(BadSettings) as bad:
        read.finish()
    names = [message.split(":")[0] for message in bad.value.messages]
    assert names == ["A", "B", "C", "D", "E", "F", "G", "H", "MISSING", "I"]
    assert "at most 65535" in bad.value.messages[1]


@pytest.mark.parametrize("text", ["", "host", ":80", "host:", "host:x", "host:65536", "::1:80", "host:-1"])
def test_what_is_not_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parse_addr(text)


@given(st.sampled_from(["10.0.0.1", "::1", "name.ns.svc."]), st.integers(0, 65535))
def test_addresses_read_what_they_write(host: str, port: int) -> None:
    assert parse_addr(str(Addr(host, port))) == Addr(host, port)


@given(st.dictionaries(st.just("X"), st.text()))
def test_no_value_raises_before_finish(env: dict[str, str]) -> None:
    read = Reader(env)
    read.port("X", 1)
    read.duration_ms("X", 1)
    read.boolean("X", True)
    read.addr("X", "h:1")
    read.number("X", 1.0)
