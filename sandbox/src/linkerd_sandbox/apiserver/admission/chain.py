"""The order of admission: built-in plugins, then mutating webhooks; validating webhooks last."""

from linkerd_sandbox.apiserver.call import Attributes
from linkerd_sandbox.apiserver.objects import JsonObject
from linkerd_sandbox.apiserver.store import Store


class AdmissionChain:
    """Runs every plugin and webhook that a write concerns."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mutate(self, attributes: Attributes, body: JsonObject, old: JsonObject | None) -> JsonObject:
        """The object as it shall be. Raises `StatusError`."""
        return body

    async def validate(self, attributes: Attributes, body: JsonObject | None, old: JsonObject | None) -> None:
        """Raises `StatusError` to refuse."""

    async def close(self) -> None:
        """Close connections to webhooks."""
