"""`linkerd viz dashboard`: a local port forwarded to viz, until interrupted, and a browser on it where there is one."""

import argparse
import asyncio
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import CliError, cause
from linkerd_cli.pods import ask
from linkerd_cli.usage import Parser
from linkerd_cli.viz.metrics_api import metrics_api_pod
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient
    from linkerd_kube.portforward import Connection

EXAMPLES = """examples:
  linkerd viz dashboard
  linkerd viz dashboard -p 8888 --show url"""
DEFAULT_PORT = 50750
_LOCALHOST = ("localhost", "127.0.0.1", "::1")
_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with what was asked for


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--address", default="localhost", metavar="ADDRESS", help="to listen on (default localhost)")
    parser.add_argument("-p", "--port", type=_port, default=DEFAULT_PORT, metavar="PORT", help="0: any (default 50750)")
    parser.add_argument(
        "--show", choices=("linkerd", "url"), default="linkerd", help="open it in a browser, or only tell where it is"
    )


def run(args: argparse.Namespace, context: Context) -> int:
    """Until interrupted. Raises CliError where viz is not there or the port is taken."""
    run_async(_serve(args, context))
    return 0


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


async def _serve(args: argparse.Namespace, context: Context) -> None:
    from linkerd_kube.portforward import listen

    async with context.client() as client:
        # Before anything is promised: viz is there, we may ask it, and it has a dashboard.
        pod = await metrics_api_pod(client, context)
        await ask(client, context.viz_namespace, pod, names.PORT_SERVICE_DEBUG, "/")
        forwarder = _Forwarder(client, context, pod)
        try:
            async with listen(forwarder.connect, host=args.address, local_port=args.port) as port:
                _tell(url_of(args.address, port), args.show, context.environ)
                await asyncio.Event().wait()
        except OSError as error:
            hint = "; is another `linkerd viz dashboard` running? -p takes another port" if args.port else ""
            raise CliError(f"{args.address}:{args.port}: {cause(error)}{hint}") from error


class _Forwarder:
    """Connections to viz's pod, or to the one that has taken its place."""

    def __init__(self, client: "KubeClient", context: Context, pod: str) -> None:
        self._client, self._context, self._pod = client, context, pod

    async def connect(self) -> "Connection":
        """Raises ApiError."""
        from linkerd_kube.errors import ApiError
        from linkerd_kube.portforward import PortForwardError, forward

        namespace, port = self._context.viz_namespace, names.PORT_SERVICE_DEBUG
        try:
            return await forward(self._client, namespace, self._pod, port)
        except ApiError:
            try:
                self._pod = await metrics_api_pod(self._client, self._context)
            except CliError as error:
                raise PortForwardError(str(error)) from error
            return await forward(self._client, namespace, self._pod, port)


def url_of(address: str, port: int) -> str:
    """What to type into a browser on this machine."""
    if address in _LOCALHOST or address in _ANY:
        address = "localhost"
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _tell(url: str, show: str, environ: Mapping[str, str]) -> None:
    """Linkerd's words."""
    print(f"Linkerd dashboard available at:\n{url}", flush=True)
    if show == "url":
        return
    command = browser(environ)
    if command is None:
        print("No browser was found here: open the address in one", file=sys.stderr, flush=True)
        return
    print("Opening Linkerd dashboard in the default browser", flush=True)
    try:
        subprocess.Popen(
            [*command, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=dict(environ),
        )
    except OSError as error:
        print(f"Failed to open it: {error}; visit {url}", file=sys.stderr, flush=True)


def browser(environ: Mapping[str, str], platform: str = sys.platform) -> list[str] | None:
    """The command that opens an address: of $BROWSER (programs separated by colons), else the desktop's; None without a
    desktop, for a browser in the terminal would take it from us.
    """
    path = environ.get("PATH", os.defpath)
    for text in filter(None, environ.get("BROWSER", "").split(os.pathsep)):
        words = shlex.split(text.replace("%s", ""))
        if words and (program := shutil.which(words[0], path=path)):
            return [program, *words[1:]]
    if platform == "darwin":
        return ["open"]
    if environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
        program = shutil.which("xdg-open", path=path)
        return [program] if program else None
    return None
