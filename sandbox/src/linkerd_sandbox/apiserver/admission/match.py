"""Which webhooks a write concerns. PURE (k8s.io/apiserver/pkg/admission/plugin/webhook/predicates)."""

from dataclasses import dataclass

from linkerd_sandbox.apiserver import selectors
from linkerd_sandbox.apiserver.call import Attributes
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, dig_list, dig_map, labels_of
from linkerd_sandbox.apiserver.store import Store

_EXEMPT = (
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
)


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of a configuration, and the version of the resource that it wants to see."""

    configuration: str
    webhook: JsonObject
    kind: ResourceType

    @property
    def key(self) -> tuple[str, str]:
        """What tells webhooks apart."""
        return (self.configuration, self.webhook["name"])


def hooks(
    store: Store,
    bucket: str,
    versions: list[ResourceType],
    attributes: Attributes,
    body: JsonObject | None,
    old: JsonObject | None,
) -> list[Hook]:
    """Webhooks of the configurations in `bucket`, in the order of their calls. `versions`: of the written resource."""
    if attributes.kind.qualified in _EXEMPT:
        return []
    found: list[Hook] = []
    for configuration in store.scan(bucket):
        for webhook in dig_list(configuration.body, "webhooks"):
            wanted = _wanted(webhook, versions, attributes)
            if wanted is None:
                continue
            if _namespace_matches(store, webhook, attributes, body or old) and _object_matches(webhook, body, old):
                found.append(Hook(configuration.key[1], webhook, wanted))
    return found


def _wanted(webhook: JsonObject, versions: list[ResourceType], attributes: Attributes) -> ResourceType | None:
    rules = dig_list(webhook, "rules")
    if any(_covers(rule, attributes.kind, attributes) for rule in rules):
        return attributes.kind
    if webhook.get("matchPolicy") != "Equivalent":
        return None
    for version in versions:
        if any(_covers(rule, version, attributes) for rule in rules):
            return version
    return None


def _has(choices: list[str], wanted: str) -> bool:
    return "*" in choices or wanted in choices


def _covers(rule: JsonObject, kind: ResourceType, attributes: Attributes) -> bool:
    scope = rule.get("scope") or "*"
    # A Namespace counts as cluster-wide although its requests carry a namespace.
    if scope != "*" and (scope == "Namespaced") != kind.namespaced:
        return False
    if not _has(dig_list(rule, "operations"), attributes.operation):
        return False
    if not _has(dig_list(rule, "apiGroups"), kind.group) or not _has(dig_list(rule, "apiVersions"), kind.version):
        return False
    return any(_resource_matches(item, kind.plural, attributes.subresource) for item in dig_list(rule, "resources"))


def _resource_matches(pattern: str, plural: str, subresource: str) -> bool:
    resource, _, wanted = pattern.partition("/")
    if resource not in ("*", plural):
        return False
    return wanted in ("*", subresource) if wanted else not subresource


def _namespace_matches(store: Store, webhook: JsonObject, attributes: Attributes, body: JsonObject | None) -> bool:
    chosen = dig_map(webhook, "namespaceSelector")
    if not chosen:
        return True
    if attributes.kind.qualified == "namespaces":
        labels = labels_of(body or {})
    elif not attributes.kind.namespaced:
        return True
    else:
        namespace = store.get("namespaces", "", attributes.namespace)
        labels = namespace.labels if namespace else {}
    return selectors.matches(selectors.from_object(chosen), labels)


def _object_matches(webhook: JsonObject, body: JsonObject | None, old: JsonObject | None) -> bool:
    chosen = dig_map(webhook, "objectSelector")
    if not chosen:
        return True
    parsed = selectors.from_object(chosen)
    return any(item is not None and selectors.matches(parsed, labels_of(item)) for item in (body, old))
