"""`linkerd viz install`."""

import argparse
import sys

from linkerd_cli.context import Context
from linkerd_cli.errors import NotImplementedYet
from linkerd_cli.install.rendered import VIZ, documents, stream
from linkerd_cli.usage import Parser
from linkerd_contract import names

EXAMPLES = """examples:
  linkerd viz install | kubectl apply -f -"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--ignore-cluster", action="store_true", help="accepted; install never asks the cluster")
    parser.add_argument(
        "--registry", default=names.REGISTRY, metavar="NAME", help=f"of images (default {names.REGISTRY})"
    )
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", help=argparse.SUPPRESS)
    parser.add_argument("--ha", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the manifests."""
    for flag, given in (("--set", args.set), ("--ha", args.ha)):
        if given:
            raise NotImplementedYet(f"linkerd viz install {flag}")
    if (context.namespace, context.viz_namespace) != (names.LINKERD_NAMESPACE, names.VIZ_NAMESPACE):
        raise NotImplementedYet(f"installing viz elsewhere than in {names.VIZ_NAMESPACE}")
    text = stream([document.text for document in documents(VIZ)])
    sys.stdout.write(text.replace(f"image: {names.REGISTRY}/", f"image: {args.registry.rstrip('/')}/"))
    return 0
