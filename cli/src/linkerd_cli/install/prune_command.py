"""`linkerd prune`."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.install.left_over import print_left_over
from linkerd_cli.install.manifests import manifests
from linkerd_cli.install.overrides import SECRET
from linkerd_cli.install.survey import selector
from linkerd_cli.install.upgrade_command import installed
from linkerd_cli.tree import JsonObject
from linkerd_cli.usage import Parser

EXAMPLES = """examples:
  linkerd upgrade | kubectl apply -f -
  linkerd prune | kubectl delete -f -"""


def configure(_parser: Parser) -> None:
    """No flags."""


def run(_args: argparse.Namespace, context: Context) -> int:
    """Against the manifests that an upgrade would print. Their flags are kept in a Secret, which stays."""
    wanted, _ = run_async(installed(context))
    flags: JsonObject = {"kind": "Secret", "metadata": {"namespace": context.namespace, "name": SECRET}}
    return print_left_over(context, selector(context.namespace), [*manifests(wanted, context.namespace), flags])
