"""What is in the cluster already, before anything is installed over it."""

from typing import TYPE_CHECKING, NamedTuple

from linkerd_cli.context import Context
from linkerd_cli.install.rendered import CONTROL_PLANE, names_by_kind
from linkerd_cli.tree import JsonObject, labels, mapping, meta, text
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

PART_OF = "app.kubernetes.io/part-of"


class Survey(NamedTuple):
    """`foreign` are definitions of ours that another installation owns, by name, with who that is."""

    installed: bool
    foreign: dict[str, str]


def selector(namespace: str) -> str:
    """Labels of what an installation's manifests hold; what its services make later lacks the second."""
    return f"{names.LABEL_CONTROL_PLANE_NS}={namespace},{PART_OF}=linkerd"


def owner(definition: JsonObject, namespace: str) -> str | None:
    """Whose a CustomResourceDefinition is; None where it is of our installation in `namespace`."""
    found = labels(definition)
    if found.get(PART_OF) == "linkerd":
        theirs = found.get(names.LABEL_CONTROL_PLANE_NS, "")
        return None if theirs == namespace else f"the control plane in namespace {theirs}"
    annotations = mapping(mapping(definition, "metadata"), "annotations")
    for key in ("meta.helm.sh/release-name", names.ANNOTATION_CREATED_BY):
        if value := text(annotations, key):
            return f"{'Helm release ' if 'helm' in key else ''}{value}"
    return found.get("app.kubernetes.io/managed-by") or "another installation"


async def foreign_definitions(client: "KubeClient", namespace: str) -> dict[str, str]:
    """Definitions that installing would overwrite although they are not ours. Raises ApiError."""
    from linkerd_kube.resources import CRDS

    ours = set(names_by_kind(CONTROL_PLANE, "CustomResourceDefinition"))
    found = {meta(item, "name"): owner(item, namespace) for item in (await client.list(CRDS)).items}
    return {name: who for name, who in sorted(found.items()) if name in ours and who is not None}


async def survey(context: Context) -> Survey:
    """Raises CliError, ApiError."""
    from linkerd_kube.errors import NotFound
    from linkerd_kube.resources import CONFIG_MAPS

    async with context.client() as client:
        try:
            await client.get(CONFIG_MAPS.path(context.namespace, names.CONFIG_MAP))
            installed = True
        except NotFound:
            installed = False
        return Survey(installed, await foreign_definitions(client, context.namespace))
