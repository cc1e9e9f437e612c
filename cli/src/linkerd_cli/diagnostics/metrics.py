"""Metrics of several pods, one after the other, each under its name as Linkerd prints them."""

import sys
from typing import TYPE_CHECKING

from linkerd_cli.errors import CliError
from linkerd_cli.pods import ask, pod_name
from linkerd_cli.tree import JsonObject, mapping, text

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient


async def print_metrics(client: "KubeClient", pods: list[JsonObject], container: str, port: int) -> int:
    """1 where a pod could not be read; its error stands in its place."""
    failed = False
    for index, pod in enumerate(sorted(pods, key=pod_name), start=1):
        namespace = text(mapping(pod, "metadata"), "namespace")
        print(f"#\n# POD {pod_name(pod)} ({index} of {len(pods)})\n# CONTAINER {container}\n#")
        try:
            body = await ask(client, namespace, pod_name(pod), port, "/metrics")
        except CliError as error:
            failed = True
            print(f"# ERROR {error}")
            print(f"Error: {error}", file=sys.stderr)
        else:
            sys.stdout.write(body.decode("utf-8", "replace"))
    return 1 if failed else 0
