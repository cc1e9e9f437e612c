"""`linkerd-sandbox` (also `linkerd sandbox`): up, down, status, kubeconfig, logs, kubectl, image, chaos."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from linkerd_sandbox import commands
from linkerd_sandbox.chaos import ACTIONS
from linkerd_sandbox.settings import BadSettings, state_directory
from linkerd_sandbox.state import State

EXIT_BAD_SETTINGS = 64


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="linkerd sandbox", description="A Kubernetes for one machine, without Docker. Not for production."
    )
    sub = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = sub.add_parser("up", help="start the cluster and print how to use it")
    up.add_argument("--wait", action="store_true", help="return when pods can run, not only when the API answers")
    up.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="PORT | HOST_PORT:SERVICE.NAMESPACE:PORT",
        help="the API's port on 127.0.0.1 (default: a free one), or a port there that leads to a Service",
    )
    up.add_argument("--mode", choices=("root", "user", "one-uid"), help="how to isolate (default: the best possible)")
    up.add_argument(
        "--ip-family", choices=("ipv4", "dual"), default="ipv4", help="dual: pods and Services have IPv6 beside IPv4"
    )
    up.add_argument("--kube-apiserver", metavar="PATH", help="run this real kube-apiserver; needs --etcd")
    up.add_argument("--etcd", metavar="PATH", help="the etcd of --kube-apiserver")
    up.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    sub.add_parser("down", help="stop the cluster; nothing is left")
    sub.add_parser("status", help="whether it runs, and what it uses")
    sub.add_parser("kubeconfig", help="print the path of the cluster's kubeconfig")
    logs = sub.add_parser("logs", help="logs of the cluster itself, or of a pod from this machine's disk")
    logs.add_argument("name", nargs="?", default="supervisor", help="a pod (or the beginning of its name)")
    logs.add_argument("-n", "--namespace", default="", help="default: any")
    logs.add_argument("-c", "--container", default="", help="default: all")
    kubectl = sub.add_parser("kubectl", help="kubectl with the cluster's kubeconfig", add_help=False)
    kubectl.add_argument("arguments", nargs=argparse.REMAINDER)
    chaos = sub.add_parser("chaos", help="faults for pods and for the cluster's own parts; heal ends them")
    chaos.add_argument("action", choices=ACTIONS)
    chaos.add_argument("target", help="POD, deploy/NAME, or apiserver, controllers, kubelet, dns, service-proxy")
    chaos.add_argument("amount", nargs="?", default="", help="milliseconds of delay, percent of loss, seconds of clock")
    chaos.add_argument("-c", "--container", default="", help="for kill, pause, clock (default: all)")
    chaos.add_argument("-n", "--namespace", default="default")
    image = sub.add_parser("image", help="say which program stands behind an image name")
    image_sub = image.add_subparsers(dest="image_command", required=True, metavar="COMMAND")
    add = image_sub.add_parser("add", help="image add NAME [--venv DIR] [--source DIR] -- COMMAND [ARGUMENT...]")
    add.add_argument("name")
    add.add_argument("--venv", type=Path, help="a virtual environment: its programs come first, its packages are seen")
    add.add_argument("--source", type=Path, help="the folder that the command runs in")
    add.add_argument("words", nargs="+", metavar="COMMAND")
    image_sub.add_parser("list", help="the mappings that were added")
    remove = image_sub.add_parser("remove", help="forget a mapping")
    remove.add_argument("name")
    return root


def run(argv: Sequence[str], environ: dict[str, str]) -> int:
    """Returns the exit code."""
    if argv[:1] == ["kubectl"]:  # all that follows is kubectl's, --help included
        arguments = argparse.Namespace(command="kubectl", arguments=list(argv[1:]))
    else:
        arguments = parser().parse_args(argv)
    try:
        state = State(state_directory(environ))
        actions: dict[str, Callable[[], int]] = {
            "up": lambda: commands.up(state, arguments, environ),
            "down": lambda: commands.down(state),
            "status": lambda: commands.status(state),
            "kubeconfig": lambda: commands.kubeconfig(state),
            "logs": lambda: commands.logs(state, arguments.name, arguments.namespace, arguments.container),
            "kubectl": lambda: commands.kubectl(state, arguments.arguments, environ),
            "chaos": lambda: commands.chaos(state, arguments),
            "image": lambda: commands.image(state, arguments),
        }
        return actions[arguments.command]()
    except BadSettings as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_SETTINGS
    except commands.Failure as error:
        print(f"linkerd sandbox {arguments.command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` has seen enough
        return 0


def main() -> None:
    sys.exit(run(sys.argv[1:], dict(os.environ)))


if __name__ == "__main__":
    main()
