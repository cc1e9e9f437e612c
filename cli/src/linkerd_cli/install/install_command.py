"""`linkerd install`."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import CliError
from linkerd_cli.install.flags import add_value_flags, assignments_of, take_ha
from linkerd_cli.install.manifests import manifests, without_definitions, write
from linkerd_cli.install.overrides import Overrides
from linkerd_cli.install.survey import Survey, survey
from linkerd_cli.install.trust import add_trust_flags, trust_objects
from linkerd_cli.usage import Parser

EXAMPLES = """examples:
  linkerd install | kubectl apply -f -
  linkerd install --ha | kubectl apply -f -
  linkerd install --set proxy.defaultInboundPolicy=all-authenticated | kubectl apply -f -
  linkerd install --crds | kubectl apply -f -
  linkerd install --ignore-cluster > linkerd.yml"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--crds", action="store_true", help="the CustomResourceDefinitions alone")
    parser.add_argument("--ignore-cluster", action="store_true", help="ask nothing of the cluster")
    add_value_flags(parser)
    add_trust_flags(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the manifests. Nothing is random: for the same cluster twice the same bytes."""
    assignments, ha = take_ha(assignments_of(args), args.ha)
    wanted = Overrides(assignments, args.registry or "", ha)
    trust = trust_objects(args, context.namespace)
    parts = manifests(wanted, context.namespace, crds_only=args.crds)
    found = Survey(False, {}) if args.ignore_cluster else _survey(context)
    if found.installed and not args.crds:
        raise CliError(
            f"Linkerd is installed in namespace {context.namespace} already: use `linkerd upgrade`, or "
            "--ignore-cluster to print the manifests all the same"
        )
    parts = without_definitions(parts, found.foreign)
    if trust and not args.crds:
        # Behind the namespace, before what waits for them.
        at = next(i for i, part in enumerate(parts) if isinstance(part, dict) or "kind: Deployment\n" in part)
        parts[at:at] = trust
    write(parts, args.output)
    return 0


def _survey(context: Context) -> Survey:
    try:
        return run_async(survey(context))
    except CliError as error:
        raise CliError(f"{error} (--ignore-cluster asks nothing of the cluster)") from error
