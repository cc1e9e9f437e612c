"""The chunked coding one byte at a time; its refusals are in test_reader."""

from linkerd_proxy.codec.h1.chunked import ChunkedDecoder


def test_positions_and_trailers() -> None:
    data = b'3\r\nabc\r\nA;x="y"\r\n0123456789\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\nrest'
    for step in (1, 2, 3, len(data)):
        decoder, got, i = ChunkedDecoder(), bytearray(), 0
        for end in range(step, len(data) + step, step):
            i = decoder.decode(data[:end], i, got.extend)
            if decoder.trailers is not None:
                break
        assert bytes(got) == b"abc0123456789"
        assert decoder.trailers == [(b"x-sum", b"7")]
        assert data[i:] == b"rest"
