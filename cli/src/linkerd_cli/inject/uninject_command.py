"""`linkerd uninject`."""

import argparse
import sys

from linkerd_cli.context import Context
from linkerd_cli.inject.report import uninject_report
from linkerd_cli.inject.stream import process, read_inputs
from linkerd_cli.inject.transform import uninject_document
from linkerd_cli.usage import Parser

EXAMPLES = """examples:
  kubectl get deploy web -o yaml | linkerd uninject - | kubectl apply -f -"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("input", metavar="FILE|DIRECTORY|URL|-", help="manifests; - is stdin")
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="default yaml")


def run(args: argparse.Namespace, _context: Context) -> int:
    """0 also where nothing was injected; 1, and no manifests, where an object cannot be read."""
    text, reports = process(read_inputs(args.input), uninject_document, args.output)
    if errors := [r.error for r in reports if r.error]:
        print("Error transforming resources:", *errors, sep="\n", file=sys.stderr)
        return 1
    # The report first: what reads our output in a pipe then speaks after us.
    sys.stderr.write(uninject_report(reports))
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0
