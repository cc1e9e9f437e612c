"""Rules of the kinds: one place that says which defaults, first status, allocations and checks a kind has. PURE."""

from linkerd_sandbox.apiserver import crds, structural
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, dig
from linkerd_sandbox.apiserver.services import ServiceAddresses
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.store import Store


class Rules:
    """Dispatches to the rules of each kind."""

    def __init__(self, store: Store, service_cidr: str) -> None:
        self.services = ServiceAddresses(store, service_cidr)

    def defaulted(self, kind: ResourceType, body: JsonObject) -> JsonObject:
        """The object with its defaults; `body` may be changed."""
        if kind.custom:
            structural.defaulted(body, kind.custom.node)
        elif kind.qualified == "customresourcedefinitions.apiextensions.k8s.io":
            return crds.defaulted(body)
        return body

    def created(self, kind: ResourceType, body: JsonObject) -> JsonObject:
        """A new object with its first status."""
        if kind.qualified == "namespaces":
            name = body["metadata"]["name"]
            body["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
            body["spec"] = {"finalizers": ["kubernetes"]}
            body["status"] = {"phase": "Active"}
        elif kind.custom and kind.custom.status:
            body.pop("status", None)
        return body

    def allocated(self, kind: ResourceType, body: JsonObject, old: JsonObject | None) -> JsonObject:
        """The object with what the server hands out (ClusterIPs)."""
        if kind.qualified == "services":
            return self.services.allocated(body, old)
        return body

    def validate(
        self, kind: ResourceType, body: JsonObject, old: JsonObject | None, subresource: str = ""
    ) -> list[Cause]:
        """What is wrong with an object."""
        if kind.custom:
            return structural.validate(body, kind.custom.node)
        if kind.qualified == "customresourcedefinitions.apiextensions.k8s.io" and not dig(
            body, "metadata", "deletionTimestamp"
        ):
            return crds.validate(body)
        return []
