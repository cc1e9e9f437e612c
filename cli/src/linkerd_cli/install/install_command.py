"""`linkerd install`."""

import argparse
import sys

from linkerd_cli.context import Context
from linkerd_cli.documents import dump_json, load
from linkerd_cli.errors import NotImplementedYet
from linkerd_cli.install.render import Request, render
from linkerd_cli.install.rendered import CONTROL_PLANE, documents, stream
from linkerd_cli.usage import Parser
from linkerd_contract import names

EXAMPLES = """examples:
  linkerd install | kubectl apply -f -
  linkerd install --set proxy.defaultInboundPolicy=all-authenticated | kubectl apply -f -
  linkerd install --crds | kubectl apply -f -"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--crds", action="store_true", help="the CustomResourceDefinitions alone")
    parser.add_argument("--ha", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ignore-cluster", action="store_true", help="accepted; install never asks the cluster")
    parser.add_argument(
        "--set", dest="assignments", action="append", default=[], metavar="KEY=VALUE", help="a value, by its Helm name"
    )
    parser.add_argument(
        "--registry", default=names.REGISTRY, metavar="NAME", help=f"of images (default {names.REGISTRY})"
    )
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="default yaml")


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the manifests. Nothing is asked of the cluster and nothing is random: twice the same bytes."""
    if args.ha:
        raise NotImplementedYet("linkerd install --ha")
    if context.namespace != names.LINKERD_NAMESPACE:
        raise NotImplementedYet(f"installing into a namespace other than {names.LINKERD_NAMESPACE}")
    loaded = documents(CONTROL_PLANE)
    parts = render(loaded, Request(args.assignments, args.registry.rstrip("/"), args.crds))
    if args.output == "json":
        by_text = {document.text: document for document in loaded}
        for part in parts:
            sys.stdout.write(dump_json(load(by_text[part]) if isinstance(part, str) else part))
    else:
        sys.stdout.write(stream(parts))
    return 0
