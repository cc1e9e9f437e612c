"""`POST /v1/policy-test`: what would become of edges if some objects were applied (`linkerd policy test`)."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec
from aiohttp import web

from linkerd_contract.codec import decode as decode_document
from linkerd_contract.codec import encode
from linkerd_contract.replay import Change, Edge, Replay, Replayed, Undecided
from linkerd_destination.index.objects import Object
from linkerd_destination.index.state import Index
from linkerd_destination.translate.replay import Replayer
from linkerd_destination.watch import decode
from linkerd_destination.watch.custom import KINDS
from linkerd_rules.validation import validate
from linkerd_runtime.problem import Handler, problem_response

MAX_BODY_BYTES = 16 << 20
# Decided in one go: proxies are not to wait for somebody's test.
_PER_TURN = 50
_DECODERS: dict[tuple[str, str], Callable[[bytes], Object]] = {
    **{(kind.resource.group, kind.resource.kind): kind.decode for kind in KINDS},
    ("", "Namespace"): decode.namespace,
}


class _Named(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Header(msgspec.Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""
    metadata: _Named = msgspec.field(default_factory=_Named)

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        name = f"{self.metadata.namespace}/{self.metadata.name}" if self.metadata.namespace else self.metadata.name
        return f"{self.kind} {name}"


class Refused(ValueError):
    """An object that the cluster would not take; says which, where and why."""


def candidates(raws: Iterable[bytes]) -> tuple[list[Object], list[str]]:
    """Objects for the index, and the names of those that decide nothing. Raises Refused as admission would refuse."""
    found: list[Object] = []
    ignored: list[str] = []
    for raw in raws:
        try:
            header = msgspec.json.decode(raw, type=_Header)
        except ValueError as error:
            raise Refused(f"not a Kubernetes object: {error}") from error
        read = _DECODERS.get((header.group, header.kind))
        if read is None:
            ignored.append(str(header))
            continue
        problems = validate(msgspec.json.decode(raw))
        if problems:
            raise Refused("; ".join(f"{header}: {problem}" for problem in problems))
        try:
            found.append(read(raw))
        except ValueError as error:
            raise Refused(f"{header}: {error}") from error
    return found, ignored


async def replay(index: Index, edges: list[Edge], objects: list[Object], ignored: list[str]) -> Replayed:
    """Every edge, a few at a time."""
    replayer = Replayer(index, index.overlaid(objects))
    denied: list[Change] = []
    allowed: list[Change] = []
    undecided: list[Undecided] = []
    for number, edge in enumerate(edges):
        if number % _PER_TURN == 0:
            await asyncio.sleep(0)
        found = replayer.replay(edge)
        if isinstance(found, Undecided):
            undecided.append(found)
        elif found.before.allowed != found.after.allowed:
            (allowed if found.after.allowed else denied).append(found)
    same = len(edges) - len(denied) - len(allowed) - len(undecided)
    return Replayed(denied=denied, allowed=allowed, same=same, undecided=undecided, ignored=ignored)


def replay_handler(index: Index) -> Handler:
    """For the loopback listener."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            asked = decode_document(await request.read(), Replay)
            objects, ignored = candidates(bytes(raw) for raw in asked.objects)
        except ValueError as error:
            return problem_response(400, "invalid", "Not decided", str(error))
        answer = await replay(index, asked.edges, objects, ignored)
        return web.Response(body=encode(answer), content_type="application/json")

    return handle
