"""`linkerd inject`."""

import argparse
import functools
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import UsageError
from linkerd_cli.inject.flags import add_config_flags, annotations_of
from linkerd_cli.inject.manual import default_config, read_config, renderer
from linkerd_cli.inject.report import inject_report
from linkerd_cli.inject.stream import process, read_inputs
from linkerd_cli.inject.transform import Options, Renderer, inject_document
from linkerd_cli.usage import Parser
from linkerd_contract.names import CONFIG_PREFIX

EXAMPLES = """examples:
  kubectl get deploy web -o yaml | linkerd inject - | kubectl apply -f -
  linkerd inject manifests/ | kubectl apply -f -
  linkerd inject --default-inbound-policy all-authenticated web.yml"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("input", metavar="FILE|DIRECTORY|URL|-", help="manifests; - is stdin")
    parser.add_argument("--manual", action="store_true", help="write the sidecar out instead of annotating")
    parser.add_argument(
        "--ignore-cluster",
        action="store_true",
        help="with --manual: do not ask the cluster (without it, nothing is asked of it)",
    )
    parser.add_argument(
        "--identity-trust-anchors-file", metavar="PEM", help="with --ignore-cluster: the cluster's trust anchors"
    )
    parser.add_argument("--registry", metavar="NAME", help="of the proxy's image")
    parser.add_argument("--ingress", action="store_true", help="inject in ingress mode")
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="default yaml")
    add_config_flags(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """1, and no manifests, where something that should be injected cannot be."""
    _refuse_contradictions(args)
    annotations = annotations_of(args)
    if args.registry:
        annotations[CONFIG_PREFIX + "proxy-image"] = f"{args.registry.rstrip('/')}/proxy"
    mode = "ingress" if args.ingress else "enabled"
    options = Options(mode, annotations, _renderer(args, context) if args.manual else None)
    text, reports = process(read_inputs(args.input), functools.partial(inject_document, options=options), args.output)
    errors = [r.error for r in reports if r.error]
    if errors:
        print("Error transforming resources:", *errors, sep="\n", file=sys.stderr)
        return 1
    # The report first: what reads our output in a pipe then speaks after us.
    sys.stderr.write(inject_report(reports, context.verbose))
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def _refuse_contradictions(args: argparse.Namespace) -> None:
    if args.registry and args.proxy_image:
        raise UsageError("--registry contradicts --proxy-image, which names a registry itself: give one of the two")
    if args.identity_trust_anchors_file and not (args.manual and args.ignore_cluster):
        raise UsageError(
            "--identity-trust-anchors-file needs --manual and --ignore-cluster: otherwise the cluster's own are used"
        )


def _renderer(args: argparse.Namespace, context: Context) -> Renderer:
    if args.ignore_cluster:
        if not args.identity_trust_anchors_file:
            raise UsageError("--manual --ignore-cluster needs --identity-trust-anchors-file: proxies trust nobody else")
        return renderer(default_config(context, args.identity_trust_anchors_file))
    return renderer(run_async(read_config(context)))
