"""Namespaces on their way out, and what keeps them."""

from datetime import datetime, timedelta

from linkerd_cli.check.model import Check, Failed
from linkerd_cli.check.state import State
from linkerd_cli.tree import JsonObject, mapping, meta, objects, text

STUCK_AFTER = timedelta(minutes=2)
"""Pods get 30 s to end unless they ask for more; what takes longer is waiting for something else."""


async def going(state: State, name: str) -> list[str]:
    """That a namespace is being deleted and what keeps it, in lines; none where it stays or is not there."""
    from linkerd_kube.resources import NAMESPACES

    found = await state.client.find(NAMESPACES.path(name=name))
    return _told(found) if found and _since(found) else []


def _since(namespace: JsonObject) -> datetime | None:
    asked = meta(namespace, "deletionTimestamp")
    return datetime.fromisoformat(asked) if asked else None


def _told(namespace: JsonObject) -> list[str]:
    """What the namespace controller writes as conditions: what is left, which finalizer, which API does not answer."""
    kept = [
        f"  {text(condition, 'type')}: {text(condition, 'message')}"
        for condition in objects(mapping(namespace, "status"), "conditions")
        if condition.get("status") == "True"
    ]
    return [
        f"namespace {meta(namespace, 'name')} is being deleted, since {meta(namespace, 'deletionTimestamp')}",
        *kept,
    ]


async def _stuck(state: State) -> None:
    from linkerd_kube.resources import NAMESPACES

    now = state.now()
    found = (await state.client.list(NAMESPACES)).items
    lines = [line for n in found if (since := _since(n)) and now - since > STUCK_AFTER for line in _told(n)]
    if lines:
        raise Failed("\n".join(lines))


STUCK = Check("no namespace is stuck being deleted", "l5d-namespaces-stuck", _stuck, warning=True)
