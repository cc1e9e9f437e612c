"""`linkerd identity POD…` prints the certificates that pods serve with; `linkerd identity rotate` has trust rotated."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import UsageError
from linkerd_cli.usage import Parser

EXAMPLES = """examples:
  linkerd identity -n emojivoto web-7f9bb7bb9c-2kq4j
  linkerd identity -n emojivoto -l app=web-svc
  linkerd identity rotate --issuer
  linkerd identity rotate --anchor --watch"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("pods", nargs="*", metavar="POD", help="names of pods; or the word `rotate`")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="default: the context's, else default")
    parser.add_argument("-l", "--selector", metavar="LABELS", default="", help="pods with these labels")
    rotate = parser.add_argument_group("rotate")
    which = rotate.add_mutually_exclusive_group()
    which.add_argument("--issuer", action="store_true", help="replace the issuer, under the same trust anchor")
    which.add_argument("--anchor", action="store_true", help="replace trust anchor and issuer, by overlap")
    rotate.add_argument("--watch", action="store_true", help="wait until it is done, and say how it goes")


def run(args: argparse.Namespace, context: Context) -> int:
    """Print, or rotate."""
    rotating = args.pods == ["rotate"]
    if not rotating and (args.issuer or args.anchor or args.watch):
        raise UsageError("--issuer, --anchor and --watch belong to `linkerd identity rotate`")
    if rotating:
        from linkerd_cli.identity_rotate import Rotation, rotate

        if args.selector or not (args.issuer or args.anchor):
            raise UsageError("write `linkerd identity rotate --issuer` or `linkerd identity rotate --anchor`")
        return run_async(rotate(context, Rotation.anchor if args.anchor else Rotation.issuer, watch=args.watch))
    from linkerd_cli.identity_show import show

    if bool(args.pods) == bool(args.selector):
        raise UsageError("name pods, or select them with -l")
    pods = [_name(pod) for pod in args.pods]
    return run_async(show(context, args.namespace, pods, args.selector))


def _name(given: str) -> str:
    kind, _, name = given.rpartition("/")
    if kind.lower() not in ("", "po", "pod", "pods"):
        raise UsageError(f"{given}: only pods have certificates; name one, or select the pods of {given} with -l")
    return name
