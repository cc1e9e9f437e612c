"""Inputs made of seeds: cut, joined, doubled and bent, the same ones for the same number every time."""

from collections.abc import Iterator, Sequence
from random import Random

Corpus = Sequence[bytes]

INTERESTING = (
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b":", b"\t", b"0", b"-1", b"\0\0\0\0",
    b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"99999999999999999999", b"chunked", b"HTTP/1.1",
)  # fmt: skip
LARGEST = 4_096
"""Bytes of one input: what matters about size is in the seeds and in the tests of limits."""


def inputs(corpus: Corpus, count: int, seed: int) -> Iterator[bytes]:
    """The seeds themselves, then `count` inputs."""
    yield from corpus
    rng = Random(seed)
    for _ in range(count):
        data = bytearray(rng.choice(corpus))
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            rng.choice(_WAYS)(data, corpus, rng)
        yield bytes(data[:LARGEST])


def pieces(data: bytes, rng: Random) -> Iterator[bytes]:
    """The same bytes as a socket might bring them."""
    i = 0
    while i < len(data):
        size = rng.choice((1, 2, 9, 64, 4_096))
        yield data[i : i + size]
        i += size


def _place(data: bytearray, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 1, 2, 4, 16, 64)))


def _bend(data: bytearray, corpus: Corpus, rng: Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _write(data: bytearray, corpus: Corpus, rng: Random) -> None:
    start, _ = _place(data, rng)
    piece = rng.choice(INTERESTING)
    data[start : start + len(piece)] = piece


def _insert(data: bytearray, corpus: Corpus, rng: Random) -> None:
    start, _ = _place(data, rng)
    data[start:start] = rng.choice(INTERESTING)


def _remove(data: bytearray, corpus: Corpus, rng: Random) -> None:
    start, end = _place(data, rng)
    del data[start:end]


def _double(data: bytearray, corpus: Corpus, rng: Random) -> None:
    start, end = _place(data, rng)
    data[start:start] = data[start:end] * rng.choice((1, 1, 2, 8))


def _cut(data: bytearray, corpus: Corpus, rng: Random) -> None:
    del data[_place(data, rng)[0] :]


def _join(data: bytearray, corpus: Corpus, rng: Random) -> None:
    other = rng.choice(corpus)
    start, _ = _place(data, rng)
    data[start:] = other[rng.randrange(len(other) + 1) :]


def _follow(data: bytearray, corpus: Corpus, rng: Random) -> None:
    data += rng.choice(corpus)


_WAYS = (_bend, _bend, _write, _insert, _remove, _double, _cut, _join, _follow)
