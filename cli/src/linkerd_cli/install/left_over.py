"""What an earlier version installed and this one's manifests lack, for `kubectl delete -f -`: both `prune` commands."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from linkerd_cli.context import Context, run_async
from linkerd_cli.documents import SEPARATOR, dump_yaml
from linkerd_cli.install.manifests import as_object
from linkerd_cli.tree import JsonObject, meta, text
from linkerd_cli.uninstall import labelled

if TYPE_CHECKING:
    from linkerd_kube.resource import Resource


def print_left_over(context: Context, selector: str, wanted: Iterable[str | JsonObject]) -> int:
    """Prints nothing where the cluster has nothing of the selector but these manifests' objects. Raises CliError."""
    current = {_identity(as_object(part)) for part in wanted}
    found = run_async(_found(context, selector))
    sys.stdout.write(SEPARATOR.join(dump_yaml(item) for item in found if _identity(item) not in current))
    return 0


def _identity(item: JsonObject) -> tuple[str, str, str]:
    return text(item, "kind"), meta(item, "namespace"), meta(item, "name")


async def _found(context: Context, selector: str) -> list[JsonObject]:
    async with context.client() as client:
        return await labelled(client, _kinds(), selector)


def _kinds() -> "list[Resource]":
    """In the order of their deletion: what the API server calls first, what others need last."""
    from linkerd_kube import resources

    return [
        resources.API_SERVICES,
        resources.MUTATING_WEBHOOKS,
        resources.VALIDATING_WEBHOOKS,
        resources.DEPLOYMENTS,
        resources.CRON_JOBS,
        resources.POD_DISRUPTION_BUDGETS,
        resources.SERVICES,
        resources.CONFIG_MAPS,
        resources.SECRETS,
        resources.ROLE_BINDINGS,
        resources.ROLES,
        resources.CLUSTER_ROLE_BINDINGS,
        resources.CLUSTER_ROLES,
        resources.SERVICE_ACCOUNTS,
        resources.CRDS,
    ]
