"""Server-side apply: one PATCH that creates or changes, and decides who owns each field.

Source: k8s.io/apiserver/pkg/endpoints/handlers/patch.go (applyPatcher).
"""

from linkerd_sandbox.apiserver import conversions, ownership, status
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.lifecycle import has_status
from linkerd_sandbox.apiserver.objects import JsonObject, dig
from linkerd_sandbox.apiserver.requests import RequestInfo
from linkerd_sandbox.apiserver.resources import Resources, node_of


class Applying:
    """Applies configurations to objects."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def apply(
        self, call: Call, kind: ResourceType, info: RequestInfo, body: object, *, force: bool
    ) -> tuple[int, JsonObject]:
        """The HTTP status and the object. Raises `StatusError`: 400, 409 with the owners in the way, 422."""
        config = self._checked(call, kind, body)
        meta = config["metadata"]
        if meta.setdefault("name", info.name) != info.name:
            raise status.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({info.name})"
            )
        if kind.namespaced and meta.setdefault("namespace", info.namespace) != info.namespace:
            raise status.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        config = self._own_part(kind, config, info.subresource)
        call.applies = True
        writer = self._resources.writer(call, kind, "Apply", info.subresource)
        node, rules = node_of(kind), self._resources.rules

        def change(old: JsonObject) -> JsonObject:
            live = {**old, "apiVersion": kind.api_version}
            # a resourceVersion in the configuration makes the apply conditional
            result = ownership.applied(live, config, writer, node, force=force)
            decoded = self._resources.decoder.fields(call, kind, result)
            return rules.defaulted(kind, decoded)

        try:
            return 200, await self._resources.change(call, kind, info.namespace, info.name, change, info.subresource)
        except status.StatusError as error:
            missing = error.code == 404 and (error.details or {}).get("name") == info.name
            if not missing or info.subresource or self._exists(kind, info):
                raise
        if meta.get("uid"):
            raise status.conflict(
                kind.qualified,
                info.name,
                f"uid mismatch: the provided object specified uid {meta['uid']}, and no existing object was found",
            )
        created = ownership.applied(None, config, writer, node, force=force)
        return 201, await self._resources.create(call, kind, info.namespace, created)

    def _exists(self, kind: ResourceType, info: RequestInfo) -> bool:
        namespace = info.namespace if kind.namespaced else ""
        return self._resources.store.get(kind.qualified, namespace, info.name) is not None

    def _checked(self, call: Call, kind: ResourceType, body: object) -> JsonObject:
        """The configuration in normal form, without defaults: what it does not say, it does not own."""
        if conversions.converts(kind):
            raise status.not_implemented(f"server-side apply of {kind.api_version} {kind.kind} (of v2 it is)")
        if not call.field_manager:
            cause = status.Cause("fieldManager", "FieldValueRequired", "Required value: is required for apply patch")
            raise status.invalid("PatchOptions", "meta.k8s.io", "", [cause])
        given = dig(body, "apiVersion") or ""
        if not given and not dig(body, "kind"):
            raise status.bad_request("invalid object type: /, Kind=")
        if given != kind.api_version:
            why = f"Specified patch version: {given}, expected: {kind.api_version}"
            raise status.bad_request(f"Incorrect version specified in apply patch. {why}")
        config = self._resources.decoder.check_kind(kind, body)
        if dig(config, "metadata", "managedFields"):
            raise status.bad_request("metadata.managedFields must be nil")
        checked = self._resources.decoder.fields(call, kind, config)
        checked.setdefault("metadata", {})
        return checked

    @staticmethod
    def _own_part(kind: ResourceType, config: JsonObject, subresource: str) -> JsonObject:
        if subresource == "status":
            meta = {key: config["metadata"][key] for key in ("name", "namespace") if key in config["metadata"]}
            return {key: value for key, value in config.items() if key in ("apiVersion", "kind", "status")} | {
                "metadata": meta
            }
        return {key: value for key, value in config.items() if key != "status" or not has_status(kind)}
