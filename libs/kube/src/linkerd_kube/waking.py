"""A watch of one object that only says that something changed: for who reads all that it needs afresh each time."""

import asyncio

from linkerd_kube.client import KubeClient
from linkerd_kube.objects import JsonObject
from linkerd_kube.reflector import Reflector
from linkerd_kube.resource import Resource


class _Wake:
    """A Reflector's handler."""

    def __init__(self, changed: asyncio.Event) -> None:
        self._changed = changed

    def on_listed(self, _objects: list[JsonObject], /) -> None:
        self._changed.set()

    def on_applied(self, _object: JsonObject, /) -> None:
        self._changed.set()

    def on_deleted(self, _object: JsonObject, /) -> None:
        self._changed.set()


def waking(
    client: KubeClient, changed: asyncio.Event, resource: Resource, name: str, namespace: str | None = None
) -> Reflector[JsonObject]:
    """`changed` is set whenever the object is listed, changed or deleted.

    By name, for RBAC grants single objects: the API server matches a list's field selector with that.
    """
    return Reflector(client, resource, _Wake(changed), namespace=namespace, field_selector=f"metadata.name={name}")


async def woken(changed: asyncio.Event, seconds: float) -> None:
    """Until `changed` is set, or the time is over."""
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        return
