"""`linkerd viz prune`."""

import argparse

from linkerd_cli.context import Context
from linkerd_cli.install.left_over import print_left_over
from linkerd_cli.install.rendered import VIZ, documents
from linkerd_cli.usage import Parser
from linkerd_contract import names

EXAMPLES = """examples:
  linkerd viz install | kubectl apply -f -
  linkerd viz prune | kubectl delete -f -"""


def configure(_parser: Parser) -> None:
    """No flags."""


def run(_args: argparse.Namespace, context: Context) -> int:
    """Only what carries part-of too: a Secret that a process made for itself is not in the manifests, and stays."""
    selector = f"{names.LABEL_EXTENSION}=viz,app.kubernetes.io/part-of=linkerd-viz"
    return print_left_over(context, selector, (document.text for document in documents(VIZ)))
