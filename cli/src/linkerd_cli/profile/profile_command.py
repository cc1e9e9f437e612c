"""`linkerd profile`."""

import argparse
import sys
from pathlib import Path

from linkerd_cli.context import Context, run_async
from linkerd_cli.documents import Document, dump_json, dump_yaml, load
from linkerd_cli.errors import CliError, cause
from linkerd_cli.profile import proto
from linkerd_cli.profile.openapi import profile
from linkerd_cli.profile.template import template
from linkerd_cli.usage import Parser
from linkerd_contract import names

EXAMPLES = """examples:
  linkerd profile -n emojivoto --template web-svc > web.yml
  linkerd profile -n emojivoto --open-api web.swagger web-svc | kubectl apply -f -
  linkerd profile -n emojivoto --proto Voting.proto voting-svc | kubectl apply -f -"""


def configure(parser: Parser) -> None:
    """Flags."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--template", action="store_true", help="a profile to start from, with comments")
    what.add_argument("--open-api", metavar="FILE", help="routes of an OpenAPI document; - is stdin")
    what.add_argument("--proto", metavar="FILE", help="routes of the RPCs in a Protocol Buffers file; - is stdin")
    parser.add_argument("service", metavar="SERVICE")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="default: the context's, else default")
    parser.add_argument("--ignore-cluster", action="store_true", help="ask nothing of the cluster")
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="default yaml")


def run(args: argparse.Namespace, context: Context) -> int:
    """The cluster is asked for its domain only; without one it is cluster.local."""
    document = _document(args.open_api) if args.open_api else {}
    text = _read(args.proto) if args.proto else ""
    namespace, domain = args.namespace or "default", names.CLUSTER_DOMAIN
    if not args.ignore_cluster:
        namespace, domain = run_async(names_of(args.namespace, context))
    if args.template and args.output == "yaml":
        sys.stdout.write(template(args.service, namespace, domain))
        return 0
    if args.template:
        made = load(Document("template", 1, template(args.service, namespace, domain)))
    elif args.proto:
        made = proto.profile(text, args.proto, f"{args.service}.{namespace}.svc.{domain}", namespace)
    else:
        made = profile(document, args.service, namespace, domain)
    sys.stdout.write(written(made, args.output))
    return 0


def written(made: object, output: str) -> str:
    """As "yaml" or "json"."""
    return dump_yaml(made) if output == "yaml" else dump_json(made)


def _read(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path}: {cause(error)}") from error


def _document(path: str) -> dict[str, object]:
    value = load(Document(path, 1, _read(path)))
    if not isinstance(value, dict):
        raise CliError(f"{path}: not an OpenAPI document")
    return value


async def names_of(namespace: str | None, context: Context) -> tuple[str, str]:
    """The service's namespace where none is given, and the cluster's domain."""
    from linkerd_cli.values import read_values

    async with context.client() as client:
        domain = (await read_values(client, context.namespace)).get("clusterDomain")
        return namespace or client.namespace or "default", str(domain or names.CLUSTER_DOMAIN)
