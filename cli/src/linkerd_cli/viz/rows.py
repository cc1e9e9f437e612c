"""What commands that print rows of the metrics API share: a question for each resource that was typed, the output."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from linkerd_cli.context import Context
from linkerd_cli.errors import UsageError
from linkerd_cli.kinds import WORKLOADS, Aliases, parse_resources
from linkerd_cli.viz.metrics_api import namespace_of, query, warn_unscraped

# What "all" means, in the order of their tables. What depends on it alone is shown: no namespaces, no ReplicaSets.
EVERYTHING = (
    *("deployment", "statefulset", "daemonset", "cronjob", "job", "replicationcontroller", "pod"),
    *("service", "authority", "trafficsplit"),
)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Response(Protocol[R_co]):
    """A document of the API."""

    @property
    def rows(self) -> Sequence[R_co]: ...

    @property
    def unscraped(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """All answers together. `namespaces`: whether every namespace was asked for, so that rows have to name theirs."""

    rows: list[R]
    unscraped: list[str]
    namespaces: bool


async def ask_each(
    args: argparse.Namespace,
    context: Context,
    path: str,
    kind: type[Response[R]],
    more: Mapping[str, str] | None = None,
    *,
    kinds: Aliases = WORKLOADS,
) -> Found[R]:
    """Every resource that was typed, over the window that was. `kinds`: what may be typed besides the usual ones.

    Raises CliError, UsageError.
    """
    resources = parse_resources(args.resources, kinds)
    if ("all", None) in resources:
        resources = [(kind, None) for kind in EVERYTHING]
    elif any(kind == "all" for kind, _ in resources):
        raise UsageError("all: no names can be given with it")
    rows: list[R] = []
    unscraped: dict[str, None] = {}
    async with context.client() as client:
        namespace = namespace_of(args, client)
        for resource, name in resources:
            params = {"kind": resource, "window": args.time_window, **(more or {})}
            # A namespace is not in one: where the context names a default, `stat ns` still shows all.
            if namespace is not None and (resource != "namespace" or args.namespace):
                params["namespace"] = namespace
            if name is not None:
                params["name"] = name
            response = await query(client, context, path, params, kind)
            rows += response.rows
            unscraped |= dict.fromkeys(response.unscraped)
    return Found(rows, list(unscraped), namespace is None)


def show(
    args: argparse.Namespace,
    found: Found[R],
    table: Callable[[Found[R]], str],
    json_row: Callable[[R], Mapping[str, object]],
    nothing: str = "No traffic found.",
) -> int:
    """Print it. The exit code: 0 also where nothing was found, which is said on stderr."""
    warn_unscraped(found.unscraped)
    if args.output == "json":
        json.dump([json_row(row) for row in found.rows], sys.stdout, indent=2)
        print()
    elif found.rows:
        sys.stdout.write(table(found))
    else:
        print(nothing, file=sys.stderr)
    return 0
