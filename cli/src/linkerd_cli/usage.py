"""Argument parsing: argparse with one-line errors, and flags that every command takes, before or after its name."""

import argparse
from collections.abc import Mapping
from typing import NoReturn

from linkerd_cli.context import Context
from linkerd_cli.errors import UsageError

# Global flags that take a value; needed to find the command's name among them.
VALUE_FLAGS = frozenset(
    {
        "-L",
        "--linkerd-namespace",
        "--cni-namespace",
        "--viz-namespace",
        "--kubeconfig",
        "--context",
        "--as",
        "--as-group",
        "--api-addr",
    }
)


class Parser(argparse.ArgumentParser):
    """Errors are UsageError instead of a usage text and exit 2."""

    def __init__(self, prog: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def add_globals(parser: Parser) -> None:
    """Linkerd's global flags."""
    group = parser.add_argument_group("global flags")
    group.add_argument("-L", "--linkerd-namespace", metavar="NAMESPACE", help="of the control plane (default linkerd)")
    group.add_argument("--cni-namespace", metavar="NAMESPACE", help=argparse.SUPPRESS)
    group.add_argument("--viz-namespace", metavar="NAMESPACE", help="of the viz extension (default linkerd-viz)")
    group.add_argument("--kubeconfig", metavar="FILE", help="kubeconfig to use instead of $KUBECONFIG")
    group.add_argument("--context", metavar="NAME", help="kubeconfig context to use")
    group.add_argument("--as", dest="as_user", metavar="USER", help="user to impersonate")
    group.add_argument("--as-group", action="append", metavar="GROUP", help="group to impersonate; may be repeated")
    group.add_argument(
        "--api-addr", metavar="HOST:PORT", help="where the API to be asked answers, instead of a port-forward"
    )
    group.add_argument("--verbose", action="store_true", help="say more on stderr")


def context_of(args: argparse.Namespace, environ: Mapping[str, str]) -> Context:
    """The Context that the global flags and the environment make. Raises UsageError."""
    if args.as_group and not args.as_user:
        raise UsageError("--as-group needs --as")
    return Context(
        namespace=args.linkerd_namespace or environ.get("LINKERD_NAMESPACE") or "linkerd",
        viz_namespace=args.viz_namespace or "linkerd-viz",
        kubeconfig=args.kubeconfig,
        kube_context=args.context,
        verbose=args.verbose,
        environ=environ,
        as_user=args.as_user,
        as_groups=tuple(args.as_group or ()),
        api_addr=args.api_addr,
    )


def split(argv: list[str]) -> tuple[list[str], str | None, list[str]]:
    """Flags before the first word, the word, and all that follows it, untouched."""
    index = 0
    while index < len(argv) and argv[index].startswith("-") and argv[index] != "-":
        index += 2 if argv[index] in VALUE_FLAGS else 1
    if index >= len(argv):
        return argv, None, []
    return argv[:index], argv[index], argv[index + 1 :]
