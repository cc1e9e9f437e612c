"""What tap and top ask: flags, the query they make, and the events that come, through the API server."""

import argparse
import sys
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from linkerd_cli.context import Context
from linkerd_cli.errors import CliError, UsageError
from linkerd_cli.kinds import WORKLOADS, parse_resources
from linkerd_cli.usage import Parser
from linkerd_contract.tap import TapEvent
from linkerd_contract.viz import TapQuery

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

_INSTALL = "viz's tap is not there: linkerd viz install | kubectl apply -f -"


def add_tap_flags(parser: Parser) -> None:
    """Which resource, and which of its requests."""
    parser.add_argument(
        "resource", nargs="+", metavar="KIND/NAME", help="deploy, po, ns, rs, sts, ds, job, cj, rc, svc"
    )
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="default: the context's, else default")
    parser.add_argument("--to", metavar="KIND/NAME", help="only requests to it")
    parser.add_argument("--to-namespace", metavar="NAMESPACE", help="its namespace (default the resource's)")
    parser.add_argument("--max-rps", type=float, default=100.0, metavar="N", help="requests a second (default 100)")
    parser.add_argument("--scheme", default="", metavar="SCHEME", help="http or https")
    parser.add_argument("--method", default="", metavar="METHOD", help="such as GET")
    parser.add_argument("--authority", default="", metavar="AUTHORITY", help="host, and port where it has one")
    parser.add_argument("--path", default="", metavar="PREFIX", help="how the path begins")
    parser.add_argument("-l", "--selector", default="", metavar="LABELS", help="only pods with these labels")


def query_of(args: argparse.Namespace, client: "KubeClient", *, headers: bool = False) -> TapQuery:
    """Raises UsageError."""
    found = parse_resources(args.resource, WORKLOADS)
    if len(found) != 1:
        raise UsageError("one resource at a time can be tapped")
    ((kind, name),) = found
    if not args.max_rps > 0:
        raise UsageError(f"--max-rps: {args.max_rps:g} is not more than 0")
    to_kind, to_name = "", ""
    if args.to is not None:
        ((to_kind, named),) = parse_resources([args.to], WORKLOADS)
        to_name = named or ""
    return TapQuery(
        kind=kind,
        namespace=args.namespace or client.namespace or "default",
        name=name or "",
        to_kind=to_kind,
        to_name=to_name,
        to_namespace=args.to_namespace or "",
        scheme=args.scheme,
        method=args.method.upper(),
        authority=args.authority,
        path=args.path,
        selector=args.selector,
        max_rps=args.max_rps,
        headers=headers,
    )


async def events(query_for: "Callable[[KubeClient], TapQuery]", context: Context) -> AsyncGenerator[TapEvent, None]:
    """As they come. Pods that are not tapped, and events that were lost, are named on stderr. Raises CliError."""
    from linkerd_contract.codec import decode
    from linkerd_contract.viz import tap_path
    from linkerd_kube.errors import ApiError, NotFound

    dropped = 0
    async with context.client() as client:
        query = query_for(client)
        try:
            path = tap_path(query)
        except ValueError as error:
            raise UsageError(str(error)) from error
        try:
            async with client.post_stream(path, query) as stream:
                for warning in stream.warnings:
                    print(f"‼ {warning}", file=sys.stderr)
                async for line in stream.lines:
                    if not line:
                        continue
                    event = decode(line, TapEvent)
                    if event.dropped > dropped:
                        print(f"‼ {event.dropped - dropped} events were lost: too many to follow", file=sys.stderr)
                        dropped = event.dropped
                    yield event
        except NotFound as error:
            # The API server's own 404 knows no such path; tap's names what it did not find.
            text = str(error)
            raise CliError(text if "not found in namespace" in text or "no pod" in text else _INSTALL) from error
        except ApiError:
            raise
        except ValueError as error:
            raise CliError(f"tap gave an answer that this version cannot read: {error}") from error
