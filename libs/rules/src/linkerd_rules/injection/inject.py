"""Injection itself: a pod (or a workload's pod template) in, the mutated copy out; the same for webhook and CLI.

The object given is never changed. What cannot be injected says why; the opaque-ports annotation is inherited by pods
that are not injected, too. Injecting what is injected changes nothing.
"""

import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from linkerd_contract import names
from linkerd_rules.injection import containers, ports, skip
from linkerd_rules.injection.annotations import Resolved, resolve
from linkerd_rules.injection.config import InjectConfig, ProxyConfig
from linkerd_rules.injection.skip import Asked, SkipReason
from linkerd_rules.injection.tree import JsonObject, Malformed, child, copied, objects, strings, text

OWNER_LABELS = frozenset(
    {"deployment", "replicaset", "replicationcontroller", "job", "cronjob", "daemonset", "statefulset"}
)
"""Kinds of owners, in lower case, that pods are labelled with: linkerd.io/proxy-KIND=NAME."""

_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


class Source(StrEnum):
    """Who injects; it stands in the created-by annotation."""

    WEBHOOK = "linkerd/proxy-injector"
    CLI = "linkerd/cli"


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of a pod beside itself. `owner_kind` is in lower case ("deployment"), "" where nothing owns it."""

    source: Source = Source.WEBHOOK
    namespace: str = ""
    namespace_annotations: Mapping[str, str] = field(default_factory=dict)
    owner_kind: str = ""
    owner_name: str = ""


@dataclass(frozen=True, slots=True)
class Injection:
    """The outcome. `mutated` is None where nothing changes; a pod that is skipped may still get annotations."""

    mutated: JsonObject | None
    injected: bool
    reasons: tuple[SkipReason, ...] = ()
    warnings: tuple[str, ...] = ()
    annotation_at: str = ""
    """Where the inject annotation that decided stands: "workload", "namespace" or ""."""
    udp_ports: bool = False


def inject_pod(template: JsonObject, target: Target, config: InjectConfig) -> Injection:
    """Inject a Pod, or the `template` of a workload (metadata and spec). Raises Malformed."""
    spec = child(template, "spec", "")
    annotations = strings(child(template, "metadata", ""), "annotations", "metadata")
    asked = _asked(annotations, target)
    reasons = (*skip.obstacles(spec), *([asked.reason] if asked.reason else []))
    if reasons:
        return _skipped(template, target, config, asked, reasons)
    if not objects(spec, "containers", "spec"):
        raise Malformed("spec.containers", "must not be empty")
    resolved = resolve(annotations, target.namespace_annotations, config.proxy)
    pod = dict(template)
    changed = copied(pod, "spec", "")
    warnings = [*resolved.warnings, *_add_containers(changed, config, resolved.proxy)]
    warnings += _add_metadata(copied(pod, "metadata", ""), changed, target, config, resolved)
    return Injection(
        mutated=pod,
        injected=True,
        warnings=tuple(warnings),
        annotation_at=asked.at,
        udp_ports=skip.has_udp_ports(spec),
    )


def annotate_service(service: JsonObject, namespace_annotations: Mapping[str, str], config: InjectConfig) -> Injection:
    """A Service without the opaque-ports annotation inherits it. Raises Malformed."""
    opaque = ports.opaque_of_service(service, namespace_annotations, config.proxy.opaque_ports)
    if not opaque:
        return Injection(None, False)
    return Injection(_annotated(service, opaque), False)


def _asked(annotations: Mapping[str, str], target: Target) -> Asked:
    if target.source is Source.CLI:
        return skip.asked_of_cli(annotations)
    return skip.asked_of_webhook(annotations, target.namespace_annotations)


def _skipped(
    template: JsonObject, target: Target, config: InjectConfig, asked: Asked, reasons: tuple[SkipReason, ...]
) -> Injection:
    mutated = None
    if target.source is Source.WEBHOOK:
        annotations = strings(child(template, "metadata", ""), "annotations", "metadata")
        spec = child(template, "spec", "")
        opaque = ports.opaque_of_pod(annotations, spec, target.namespace_annotations, config.proxy.opaque_ports)
        if opaque:
            mutated = _annotated(template, opaque)
    return Injection(mutated, False, reasons, annotation_at=asked.at)


def _annotated(original: JsonObject, opaque: str) -> JsonObject:
    changed = dict(original)
    copied(copied(changed, "metadata", ""), "annotations", "metadata")[names.ANNOTATION_OPAQUE_PORTS] = opaque
    return changed


def _add_containers(spec: JsonObject, config: InjectConfig, proxy: ProxyConfig) -> list[str]:
    native = config.native_sidecars and proxy.native_sidecar
    init, warnings = containers.init_container(config, proxy)
    sidecar, more = containers.proxy_container(config, proxy, spec, native=native)
    warnings += more
    inits = objects(spec, "initContainers", "spec")
    apps = objects(spec, "containers", "spec")
    if native:
        inits = [init, sidecar, *inits]
    else:
        inits = [*inits, init]
        apps = [sidecar, *apps] if proxy.await_proxy else [*apps, sidecar]
    if proxy.debug_sidecar:
        apps.append(containers.debug_container(proxy))
    ours = containers.volumes()
    taken = {volume["name"] for volume in ours}
    spec["initContainers"], spec["containers"] = inits, apps
    spec["volumes"] = [v for v in objects(spec, "volumes", "spec") if v.get("name") not in taken] + ours
    return warnings


def _add_metadata(
    metadata: JsonObject, spec: JsonObject, target: Target, config: InjectConfig, resolved: Resolved
) -> list[str]:
    annotations = copied(metadata, "annotations", "metadata")
    present = strings(metadata, "annotations", "metadata")
    if target.source is Source.WEBHOOK:
        opaque = ports.opaque_of_pod(present, spec, target.namespace_annotations, config.proxy.opaque_ports)
        annotations.update(resolved.inherited)
        if opaque:
            annotations[names.ANNOTATION_OPAQUE_PORTS] = opaque
    annotations[names.ANNOTATION_CREATED_BY] = f"{target.source} {config.version}"
    annotations[names.ANNOTATION_PROXY_VERSION] = resolved.proxy.version
    annotations[names.ANNOTATION_TRUST_ROOT_SHA256] = _digest(config.trust_anchors)
    return _add_labels(copied(metadata, "labels", "metadata"), target, config)


@functools.lru_cache(maxsize=4)
def _digest(trust_anchors: str) -> str:
    return hashlib.sha256(trust_anchors.encode()).hexdigest()


def _add_labels(labels: JsonObject, target: Target, config: InjectConfig) -> list[str]:
    added = {names.LABEL_CONTROL_PLANE_NS: config.control_plane_namespace}
    if target.namespace:
        added[names.LABEL_WORKLOAD_NS] = target.namespace
    if target.owner_kind in OWNER_LABELS and target.owner_name:
        added[names.LABEL_PROXY_PREFIX + target.owner_kind] = target.owner_name
    warnings = []
    for name, value in added.items():
        if _LABEL_VALUE.fullmatch(value):
            labels[name] = value
        else:  # a name may have 253 characters, a label's value 63: the API server would refuse the whole pod
            warnings.append(f"{value!r} cannot be the value of label {name}; it is left out")
    return warnings


def owner_of(metadata: JsonObject) -> tuple[str, str]:
    """Kind and name of the controlling owner ("", "" without one). Raises Malformed."""
    owners = objects(metadata, "ownerReferences", "metadata")
    for owner in owners:
        if owner.get("controller") is True:
            return text(owner, "kind"), text(owner, "name")
    return (text(owners[0], "kind"), text(owners[0], "name")) if owners else ("", "")
