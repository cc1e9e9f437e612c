"""The static table against the hpack library's."""

from hpack.table import HeaderTable

from linkerd_proxy.codec.h2.static_table import STATIC, STATIC_NAMES


def test_entries() -> None:
    assert [*STATIC] == [(bytes(name), bytes(value)) for name, value in HeaderTable.STATIC_TABLE]


def test_names_point_to_their_lowest_index() -> None:
    assert STATIC_NAMES[b":status"] == 8
    assert STATIC_NAMES[b"www-authenticate"] == 61
    assert all(STATIC[index - 1][0] == name for name, index in STATIC_NAMES.items())


def test_no_entry_is_larger_than_the_connection_assumes() -> None:
    assert max(len(name) + len(value) for name, value in STATIC) + 32 <= 96
