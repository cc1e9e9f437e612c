"""The ConfigMap `linkerd-config`: what an installation was made with, under the names of Linkerd's Helm values."""

import json
from typing import TYPE_CHECKING

from linkerd_cli.errors import CliError
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

Values = dict[str, object]


def parse_values(text: object) -> Values:
    """The `values` key. Raises CliError where it is no JSON object."""
    try:
        document: object = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise CliError(f"ConfigMap {names.CONFIG_MAP}: key `values` is not a JSON object")
    return document


async def read_values(client: "KubeClient", namespace: str) -> Values:
    """Of the installed control plane. Raises ApiError, CliError."""
    from linkerd_kube.resources import CONFIG_MAPS

    config = await client.get(CONFIG_MAPS.path(namespace, names.CONFIG_MAP))
    data = config.get("data")
    return parse_values(data.get("values") if isinstance(data, dict) else None)
