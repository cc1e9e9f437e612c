"""`linkerd policy test`: who would be denied, or let in, if a file were applied.

The edges that proxies saw are replayed by destination against its own picture of the cluster with the file's objects in
it: the same translation and the same rules that decide traffic.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from linkerd_cli.context import Context, run_async
from linkerd_cli.diagnostics.destination import ask_destination
from linkerd_cli.documents import load
from linkerd_cli.errors import CliError, UsageError, cause
from linkerd_cli.inject.stream import read_inputs
from linkerd_cli.table import table
from linkerd_cli.tree import JsonObject, mapping, objects, text
from linkerd_cli.usage import Parser

if TYPE_CHECKING:
    from linkerd_contract.replay import Change, Edge, Replayed
    from linkerd_kube.client import KubeClient

EXAMPLES = """examples:
  linkerd policy test -f new.yaml
  linkerd policy test --save edges.json                 # keep what the mesh has seen
  linkerd policy test -f new.yaml --edges edges.json    # in CI: exit 1 where somebody would be newly denied"""
HEADER = ("CLIENT", "SERVER", "PORT", "ROUTE", "BEFORE", "AFTER")


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        metavar="FILE|DIRECTORY|URL|-",
        help="what would be applied; may be repeated",
    )
    parser.add_argument("--edges", metavar="FILE", help="replay these edges instead of asking the proxies")
    parser.add_argument("--save", metavar="FILE", help="write the edges that were replayed")
    parser.add_argument(
        "-n", "--namespace", metavar="NAMESPACE", help="of objects without one (default: the context's)"
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default text")


def run(args: argparse.Namespace, context: Context) -> int:
    """1 where an edge would be newly denied."""
    from linkerd_contract.codec import decode
    from linkerd_contract.replay import Replayed

    if not args.filename and not args.save:
        raise UsageError("-f FILE says what would be applied")
    documents = [one for name in args.filename or () for one in read_objects(name)]
    if args.filename and not documents:
        raise CliError(f"{', '.join(args.filename)}: there are no objects to test")
    answer = run_async(_test(args, context, documents))
    if answer is None:
        return 0
    replayed = decode(answer, Replayed)
    if args.output == "json":
        json.dump(json.loads(answer), sys.stdout, indent=2)
        print()
    else:
        sys.stdout.write(replayed_text(replayed))
    for name in replayed.ignored:
        print(f"{name}: decides nothing about clients; passed over", file=sys.stderr)
    return 1 if replayed.denied else 0


async def _test(args: argparse.Namespace, context: Context, documents: list[JsonObject]) -> bytes | None:
    """The answer; None where edges were only to be saved."""
    from linkerd_contract.codec import encode
    from linkerd_contract.replay import REPLAY_PATH, EdgeList

    async with context.client() as client:
        edges = read_edges(args.edges) if args.edges else await _collected(client)
        if not edges:
            raise CliError("there are no edges to replay: no proxy has seen a request yet")
        if args.save:
            _save(args.save, encode(EdgeList(edges=edges)))
        if not documents:
            return None
        namespace = args.namespace or client.namespace or "default"
        body = json.dumps(
            {"objects": [_placed(one, namespace) for one in documents], "edges": json.loads(encode(edges))}
        )
        return await ask_destination(client, context, REPLAY_PATH, {}, body.encode())


async def _collected(client: "KubeClient") -> "list[Edge]":
    from linkerd_cli.policy.edges import collect

    edges, failed = await collect(client)
    for sentence in failed:
        print(f"Warning: edges are missing: {sentence}", file=sys.stderr)
    return edges


def read_edges(name: str) -> "list[Edge]":
    """Of a saved file. Raises CliError."""
    from linkerd_contract.codec import decode
    from linkerd_contract.replay import EdgeList

    try:
        return decode(Path(name).read_bytes(), EdgeList).edges
    except OSError as error:
        raise CliError(f"{name}: {cause(error)}") from error
    except ValueError as error:
        raise CliError(f"{name}: not a file of edges, as --save writes it: {error}") from error


def _save(name: str, data: bytes) -> None:
    try:
        Path(name).write_text(json.dumps(json.loads(data), indent=2) + "\n")
    except OSError as error:
        raise CliError(f"{name}: {cause(error)}") from error


def read_objects(name: str) -> Iterator[JsonObject]:
    """The objects of -f, lists taken apart. Raises CliError."""
    for document in read_inputs(name):
        if document.blank:
            continue
        value = load(document)
        if not isinstance(value, dict):
            raise CliError(f"{document.source}:{document.line}:1: not a Kubernetes object")
        yield from objects(value, "items") if text(value, "kind") == "List" else [value]


def _placed(document: JsonObject, namespace: str) -> JsonObject:
    """With a namespace, as kubectl apply would give it one."""
    if text(document, "kind") == "Namespace":
        return document
    return {**document, "metadata": {"namespace": namespace, **mapping(document, "metadata")}}


def replayed_text(replayed: "Replayed") -> str:
    """For people. PURE."""
    parts = [_changes("newly denied", replayed.denied), _changes("newly allowed", replayed.allowed)]
    if replayed.undecided:
        rows = [(*_edge(one.edge), one.reason) for one in replayed.undecided]
        parts.append(f"not decided: {len(replayed.undecided)}\n" + table((*HEADER[:4], "REASON"), rows))
    parts.append(f"decided as before: {replayed.same}\n")
    return "\n".join(parts)


def _changes(title: str, changes: "list[Change]") -> str:
    if not changes:
        return f"{title}: none\n"
    rows = [
        (*_edge(c.edge), c.before.by.name or "denied", c.after.reason or c.after.by.name)
        for c in sorted(changes, key=lambda c: (c.edge.server, c.edge.port, c.edge.client))
    ]
    return f"{title}: {len(changes)}\n" + table(HEADER, rows)


def _edge(edge: "Edge") -> tuple[str, str, str, str]:
    client = edge.client.partition(".serviceaccount.")[0] or ("no identity" if edge.tls else "not meshed")
    return client, edge.server, str(edge.port), edge.route.name if edge.http else "(TCP)"
