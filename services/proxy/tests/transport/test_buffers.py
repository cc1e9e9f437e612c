"""The sizes fit each other: tls_stream.py relies on it."""

from linkerd_proxy.transport import buffers


def test_plaintext_of_a_read_and_of_a_record_before_it_fits() -> None:
    assert len(buffers.PLAIN) >= buffers.READ_SIZE + 2 * buffers.RECORD
    assert len(buffers.WIRE) == buffers.READ_SIZE


def test_slices_are_whole_records() -> None:
    assert buffers.SLICE % buffers.RECORD == 0
    assert len(buffers.CLEAR) == buffers.RECORD
