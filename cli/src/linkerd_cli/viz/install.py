"""`linkerd viz install`."""

import argparse
import json
import sys
from urllib.parse import urlsplit

from linkerd_cli.check.viz import PROMETHEUS_URL
from linkerd_cli.context import Context
from linkerd_cli.errors import NotImplementedYet, UsageError
from linkerd_cli.install.rendered import VIZ, documents, stream
from linkerd_cli.usage import Parser
from linkerd_contract import names

EXAMPLES = """examples:
  linkerd viz install | kubectl apply -f -
  linkerd viz install --set prometheusUrl=http://prometheus.monitoring:9090 | kubectl apply -f -"""
# Where the metrics API's environment begins; kustomize writes it so.
_ENV = "      - command:\n        - linkerd-viz-metrics-api\n        env:\n"


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--ignore-cluster", action="store_true", help="accepted; install never asks the cluster")
    parser.add_argument(
        "--registry", default=names.REGISTRY, metavar="NAME", help=f"of images (default {names.REGISTRY})"
    )
    only = "only prometheusUrl=URL: where measurements come from"
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", default=[], help=only)
    parser.add_argument("--ha", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the manifests."""
    if args.ha:
        raise NotImplementedYet("linkerd viz install --ha")
    if (context.namespace, context.viz_namespace) != (names.LINKERD_NAMESPACE, names.VIZ_NAMESPACE):
        raise NotImplementedYet(f"installing viz elsewhere than in {names.VIZ_NAMESPACE}")
    text = stream([document.text for document in documents(VIZ)])
    if url := prometheus_url(args.set):
        text = text.replace(_ENV, f"{_ENV}        - name: {PROMETHEUS_URL}\n          value: {json.dumps(url)}\n", 1)
    sys.stdout.write(text.replace(f"image: {names.REGISTRY}/", f"image: {args.registry.rstrip('/')}/"))
    return 0


def prometheus_url(values: list[str]) -> str:
    """The URL that --set gives, "" for none; the last one counts. Raises UsageError."""
    url = ""
    for value in values:
        key, _, url = value.partition("=")
        if key != "prometheusUrl":
            raise NotImplementedYet(f"linkerd viz install --set {key}")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"--set {value}: write a URL, such as http://prometheus.monitoring:9090")
    return url
