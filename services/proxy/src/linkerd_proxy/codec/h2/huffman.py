"""The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B), decoding, a byte at a time.

The code is canonical: lengths alone give it. A step is (node of the code's tree, byte) to (node, symbols); steps are
made when they are first needed and remembered, within a bound, so memory follows the text that is seen.
"""

from typing import Final

EOS: Final = 256
_LENGTHS: Final = (
    "isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhf"
    "ibccccccccccccccccccccccdcdioijbkabababbbaccbbbabcbaabccccckgjix"
    "prpprrrsrssssststtrstssssqrsrsstrqprrssqsrrtqrssqqrqsrssprrrsrrs"
    "vvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwv"
    "z"
)
"""Bits of the code of each symbol, EOS last: "a" is 5, "z" is 30."""

STEPS_MEMO: Final = 4_096
"""Some 600 KB when full; headers in English need about a thousand."""


class HuffmanError(ValueError):
    """EOS within the string, or an end that is not at most 7 bits of ones."""


def _tree() -> list[list[int]]:
    """Nodes with two children each: a node's index, or the complement of a symbol. The root is 0."""
    nodes: list[list[int]] = [[0, 0]]
    lengths = [ord(letter) - ord("a") + 5 for letter in _LENGTHS]
    code, before = 0, 0
    for symbol in sorted(range(len(lengths)), key=lambda symbol: (lengths[symbol], symbol)):
        length = lengths[symbol]
        code <<= length - before
        before = length
        node = 0
        for shift in range(length - 1, 0, -1):
            bit = code >> shift & 1
            if not nodes[node][bit]:
                nodes[node][bit] = len(nodes)
                nodes.append([0, 0])
            node = nodes[node][bit]
        nodes[node][code & 1] = ~symbol
        code += 1
    return nodes


_NODES: Final = _tree()


def _endings() -> frozenset[int]:
    """Where a string may end: up to 7 bits of ones behind its last symbol."""
    node, found = 0, [0]
    for _ in range(7):
        node = _NODES[node][1]
        found.append(node)
    return frozenset(found)


_ENDINGS: Final = _endings()
_steps: dict[int, tuple[int, bytes]] = {}


def _step(key: int) -> tuple[int, bytes]:
    """From a node's index times 256 plus a byte, to the next node's index times 256."""
    node, byte, text = key >> 8, key & 0xFF, bytearray()
    for shift in range(7, -1, -1):
        node = _NODES[node][byte >> shift & 1]
        if node < 0:
            if ~node == EOS:
                raise HuffmanError("EOS within a string")
            text.append(~node)
            node = 0
    if len(_steps) >= STEPS_MEMO:
        _steps.clear()
    step = _steps[key] = (node << 8, bytes(text))
    return step


def decode(raw: bytes) -> bytes:
    """The text of an encoded string. Raises HuffmanError."""
    node = 0
    text = bytearray()
    known = _steps.get
    for byte in raw:
        node, piece = known(node | byte) or _step(node | byte)
        text += piece
    if node >> 8 not in _ENDINGS:
        raise HuffmanError("a string's padding is not of ones, or too long")
    return bytes(text)
