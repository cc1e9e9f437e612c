"""Discovery: which groups, versions and resources are served; old form and aggregated form (v2, v2beta1). PURE."""

from collections.abc import Iterable

from linkerd_sandbox.apiserver.kinds import SUBRESOURCE_KINDS, Registry, ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, api_version

KUBERNETES_VERSION = "v1.32.0"
VERSION: JsonObject = {
    "major": "1",
    "minor": "32",
    "gitVersion": f"{KUBERNETES_VERSION}+linkerd-sandbox",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2024-12-11T17:59:15Z",
    "goVersion": "go1.23.3",
    "compiler": "gc",
    "platform": "linux/amd64",
}

_ORDER = ("", "apiregistration.k8s.io", "apps", "authentication.k8s.io", "authorization.k8s.io", "batch")
_STATUS_VERBS = ("get", "patch", "update")


def _rank(group: str) -> tuple[int, str]:
    return (_ORDER.index(group) if group in _ORDER else len(_ORDER), group)


def _version_rank(version: str) -> tuple[int, int, int]:
    """GA before beta before alpha, newer first (k8s.io/apimachinery/pkg/version)."""
    stability, rest = 0, version.removeprefix("v")
    minor = 0
    for number, word in ((1, "beta"), (2, "alpha")):
        head, found, tail = rest.partition(word)
        if found:
            stability, rest, minor = number, head, int(tail or 0)
    return (stability, -int(rest) if rest.isdigit() else 0, -minor)


def groups(registry: Registry) -> dict[str, dict[str, list[ResourceType]]]:
    """Served types by group and version; preferred version first."""
    found: dict[str, dict[str, list[ResourceType]]] = {}
    for kind in registry:
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    return {
        group: {version: found[group][version] for version in sorted(found[group], key=_version_rank)}
        for group in sorted(found, key=_rank)
    }


def _group_document(group: str, versions: Iterable[str]) -> JsonObject:
    listed = [{"groupVersion": api_version(group, version), "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def api_versions(address: str) -> JsonObject:
    """`/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(registry: Registry) -> JsonObject:
    """`/apis`."""
    listed = [_group_document(group, versions) for group, versions in groups(registry).items() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def group_document(registry: Registry, group: str) -> JsonObject | None:
    """`/apis/GROUP`, or None."""
    versions = groups(registry).get(group)
    if not versions:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group_document(group, versions)}


def resource_list(registry: Registry, group: str, version: str) -> JsonObject | None:
    """`/apis/GROUP/VERSION` and `/api/v1`, or None."""
    kinds = groups(registry).get(group, {}).get(version)
    if not kinds:
        return None
    listed: list[JsonObject] = []
    for kind in sorted(kinds, key=lambda kind: kind.plural):
        entry: JsonObject = {
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": list(kind.verbs),
        }
        if kind.short_names:
            entry["shortNames"] = list(kind.short_names)
        if kind.categories:
            entry["categories"] = list(kind.categories)
        listed.append(entry)
        listed.extend(_subresource(kind, subresource) for subresource in kind.subresources)
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version(group, version),
        "resources": listed,
    }


def _subresource_kind(kind: ResourceType, subresource: str) -> tuple[str, str, str, tuple[str, ...]]:
    if subresource == "scale":
        return "autoscaling", "v1", "Scale", _STATUS_VERBS
    fallback = (kind.group, kind.version, kind.kind, _STATUS_VERBS)
    return SUBRESOURCE_KINDS.get((kind.plural, subresource), fallback)


def _subresource(kind: ResourceType, subresource: str) -> JsonObject:
    group, version, name, verbs = _subresource_kind(kind, subresource)
    entry: JsonObject = {
        "name": f"{kind.plural}/{subresource}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": name,
        "verbs": list(verbs),
    }
    if (group, version) != (kind.group, kind.version):
        entry |= {"group": group, "version": version}
    return entry


def aggregated(registry: Registry, *, core: bool, version: str) -> JsonObject:
    """`/api` (core) or `/apis` in one document with every resource: `APIGroupDiscoveryList` of `version`."""
    items: list[JsonObject] = []
    for group, versions in groups(registry).items():
        if (group == "") != core:
            continue
        listed = [
            {"version": name, "freshness": "Current", "resources": [_aggregated_resource(kind) for kind in kinds]}
            for name, kinds in versions.items()
        ]
        items.append({"metadata": {"name": group, "creationTimestamp": None}, "versions": listed})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _aggregated_resource(kind: ResourceType) -> JsonObject:
    entry: JsonObject = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = []
        for subresource in kind.subresources:
            group, version, name, verbs = _subresource_kind(kind, subresource)
            entry["subresources"].append(
                {
                    "subresource": subresource,
                    "responseKind": {"group": group, "version": version, "kind": name},
                    "verbs": list(verbs),
                }
            )
    return entry
