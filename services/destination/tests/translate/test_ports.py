"""Sets of ports as annotations write them."""

import pytest

from linkerd_destination.translate.ports import EMPTY, first_valid, port_set

NAMED = (("grpc", 9000), ("web-2", 9001))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("80", [80], [79, 81]),
        ("80-82, 90", [80, 81, 82, 90], [83]),
        ("grpc,web-2,nowhere", [9000, 9001], [80]),
        ("", [], [80]),
        (" , ", [], [80]),
    ],
)
def test_members(text: str, inside: list[int], outside: list[int]) -> None:
    ports = port_set(text, NAMED)
    assert all(p in ports for p in inside)
    assert not any(p in ports for p in outside)


@pytest.mark.parametrize("text", ["9-1", "-", "80-", "0", "65536", "80;90", "UPPER", "a--b"])
def test_what_is_no_set(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        port_set(text)


def test_the_first_that_can_be_read_counts() -> None:
    assert 80 in first_valid((), None, "9-1", "80", "90")
    assert 90 not in first_valid((), None, "9-1", "80", "90")
    assert 80 not in first_valid((), "", "80")
    assert first_valid((), None) is EMPTY


def test_numbers_leaves_out_long_ranges() -> None:
    assert port_set("1-60000,80,90-91").numbers(1024) == [80, 90, 91]
