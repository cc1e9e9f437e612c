"""`linkerd explain`: why a request went, or would go, where it went.

Two forms: a request that is thought of, answered by destination with the code that the proxies run; and the id of one
that was made (the header l5d-proxy-error has it), answered by the proxy that kept its trace.
"""

import argparse
import json
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from linkerd_cli.context import Context, run_async
from linkerd_cli.diagnostics.destination import ask_destination
from linkerd_cli.errors import CliError, UsageError
from linkerd_cli.kinds import parse_resources
from linkerd_cli.table import table
from linkerd_cli.usage import Parser

if TYPE_CHECKING:
    from linkerd_contract.explain import DecisionStep, DecisionTrace, Explanation
    from linkerd_kube.client import KubeClient

EXAMPLES = """examples:
  linkerd explain --from deploy/vote-bot http://web-svc.emojivoto/api/vote
  linkerd explain -n emojivoto --from deploy/web http://voting-svc:8080/emojivoto.v1.VotingService/VoteDoughnut \\
      -X POST -H 'content-type: application/grpc'
  linkerd explain 3f1c0a77-0012"""
_SENDERS = ("daemonset", "deployment", "job", "pod", "replicaset", "statefulset")


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("what", metavar="URL|ID", help="a request's URL, or the id in its l5d-proxy-error header")
    parser.add_argument("--from", dest="sender", metavar="KIND/NAME", help="the workload or pod that sends the request")
    parser.add_argument(
        "-n",
        "--namespace",
        metavar="NAMESPACE",
        help="of the sender (default: the context's; where it names none, the URL's)",
    )
    parser.add_argument("-X", "--request", metavar="METHOD", help="default GET")
    parser.add_argument("-H", "--header", action="append", metavar="NAME:VALUE", help="may be repeated")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default text")


def run(args: argparse.Namespace, context: Context) -> int:
    """The decisions in their order, whatever they are: an explanation of a denial is no failure."""
    from linkerd_contract.explain import tag_of

    if "://" in args.what:
        return _explain(args, context)
    if tag_of(args.what) is None:
        raise UsageError(f"{args.what}: write a URL such as http://web.emojivoto/path, or an id such as 3f1c0a77-0012")
    if args.sender or args.request or args.header:
        raise UsageError("--from, -X and -H go with a URL; the trace of an id has the request that was made")
    return _trace(args, context)


def _explain(args: argparse.Namespace, context: Context) -> int:
    from linkerd_contract.codec import decode
    from linkerd_contract.explain import Explanation

    kind, name = _sender(args.sender)
    answer = run_async(_ask(args, context, kind, name))
    if args.output == "json":
        return _print_json(answer)
    method = (args.request or "GET").upper()
    sys.stdout.write(explanation_text(f"{method} {args.what}", decode(answer, Explanation)))
    return 0


def _sender(typed: str | None) -> tuple[str, str]:
    if not typed:
        raise UsageError("--from KIND/NAME says who sends the request, such as --from deploy/vote-bot")
    [(kind, name)] = parse_resources([typed])
    if kind not in _SENDERS or name is None:
        raise UsageError(f"--from {typed}: write a pod or a workload, such as deploy/vote-bot")
    return kind, name


async def _ask(args: argparse.Namespace, context: Context, kind: str, name: str) -> bytes:
    async with context.client() as client:
        namespace = args.namespace or client.namespace or namespace_of(args.what)
        params = [("from", f"{namespace}/{kind}/{name}"), ("url", args.what), ("method", args.request or "GET")]
        params += [("header", header) for header in args.header or ()]
        return await ask_destination(client, context, "/v1/explain", params)


def namespace_of(url: str) -> str:
    """The namespace that the URL's host names (`http://web.emojivoto/path`), else `default`. PURE.

    Who asks about a service by such a name means, more often than not, a client beside it.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # destination says what is wrong with it
        return "default"
    labels = host.split(".")
    if ":" in host or labels[-1].isdigit():
        return "default"
    before = labels.index("svc", 2) if "svc" in labels[2:] else 2
    return ".".join(labels[before - 1 : before]) or "default"


def _trace(args: argparse.Namespace, context: Context) -> int:
    from linkerd_contract.codec import decode
    from linkerd_contract.explain import DecisionTrace

    pod, answer = run_async(_find(args, context))
    if args.output == "json":
        return _print_json(answer)
    sys.stdout.write(trace_text(pod, decode(answer, DecisionTrace)))
    return 0


async def _find(args: argparse.Namespace, context: Context) -> tuple[str, bytes]:
    """The pod whose proxy kept the trace, and the trace."""
    from linkerd_cli.pods import ask
    from linkerd_contract.explain import DECISIONS_PATH

    async with context.client() as client:
        namespace, pod, port = await _pod_of(client, args.namespace, args.what)
        answer = await ask(client, namespace, pod, port, f"{DECISIONS_PATH}/{args.what}")
    return f"{namespace}/{pod}", answer


async def _pod_of(client: "KubeClient", namespace: str | None, trace: str) -> tuple[str, str, int]:
    from linkerd_cli.diagnostics.proxy_metrics import is_meshed
    from linkerd_cli.pods import admin_port, pod_name
    from linkerd_cli.tree import meta
    from linkerd_contract.explain import pod_tag, tag_of
    from linkerd_kube.resources import PODS

    wanted = tag_of(trace)
    for pod in (await client.list(PODS, namespace)).items:
        if is_meshed(pod) and pod_tag(meta(pod, "namespace"), pod_name(pod)) == wanted:
            return meta(pod, "namespace"), pod_name(pod), admin_port(pod)
    where = f"in namespace {namespace}" if namespace else "in the cluster"
    raise CliError(f"{trace}: no running meshed pod {where} gives such ids; a trace is gone with its pod")


def _print_json(answer: bytes) -> int:
    json.dump(json.loads(answer), sys.stdout, indent=2)
    print()
    return 0


def explanation_text(request: str, explanation: "Explanation") -> str:
    """For people. PURE."""
    verdict = "reaches the application" if explanation.allowed else "does not reach the application"
    lines = [f"{request}: {verdict}\n\n", _steps(explanation.steps)]
    if explanation.nearest_miss:
        lines.append(f"\nnearest miss: {explanation.nearest_miss}\n")
    return "".join(lines)


def trace_text(pod: str, trace: "DecisionTrace") -> str:
    """For people. PURE."""
    head = f"{trace.id}: {trace.code} at {trace.time}, {trace.direction} at the proxy of {pod}\n"
    asked = f"{trace.method} {trace.authority}{trace.path}".strip()
    rows = [("request", asked), ("peer", trace.peer), ("attempts", str(trace.attempts))]
    known = "".join(f"{name}: {value}\n" for name, value in rows if value)
    return f"{head}{known}\n{_steps(trace.steps)}" if trace.steps else head + known


def _steps(steps: "list[DecisionStep]") -> str:
    rows = [(step.stage, step.verdict, step.reason, _object(step)) for step in steps]
    return table(("STAGE", "VERDICT", "REASON", "BY"), rows)


def _object(step: "DecisionStep") -> str:
    found = step.resource
    if found is None or found.kind == "default":
        return ""
    name = f"{found.namespace}/{found.name}" if found.namespace else found.name
    return f"{found.kind.lower()}/{name}"
