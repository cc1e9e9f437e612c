"""What `linkerd inject` and `uninject` do to one object. PURE: the object given is not changed.

By default inject only annotates: the cluster's webhook injects. Kinds without a pod pass untouched; a Namespace gets
the annotation itself; a Service only opaque ports. With a renderer (`--manual`) the sidecar is written out.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from linkerd_cli.tree import JsonObject, labels, mapping, meta, text
from linkerd_contract import names
from linkerd_rules.injection import Malformed, SkipReason, pod_template, uninject_metadata, uninject_pod, with_template
from linkerd_rules.injection.skip import asked_of_cli, has_udp_ports, obstacles
from linkerd_rules.injection.tree import attached, child, strings

Outcome = Literal["injected", "annotated", "uninjected", "skipped"]
Renderer = Callable[[JsonObject, JsonObject], tuple[JsonObject, list[str]]]
"""From (pod template, whole object) to the template with its sidecar, and warnings. Raises Malformed."""

_METADATA_ONLY = frozenset({"Namespace", "Service"})
_OWN = frozenset({names.LABEL_CONTROL_PLANE_NS, names.LABEL_EXTENSION})


@dataclass(frozen=True, slots=True)
class Options:
    """`annotations` are what flags ask for, by full name; `mode` is the value of linkerd.io/inject."""

    mode: str = "enabled"
    annotations: dict[str, str] = field(default_factory=dict)
    render: Renderer | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one object; `error` fails the command."""

    kind: str
    name: str
    outcome: Outcome = "skipped"
    error: str = ""
    reasons: tuple[SkipReason, ...] = ()
    udp: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        """As Linkerd names it: "deployment/web"."""
        return f"{self.kind}/{self.name}"


Result = tuple[JsonObject, Report]


def _report(document: JsonObject) -> Report:
    return Report(text(document, "kind").lower(), meta(document, "name") or meta(document, "generateName"))


def inject_document(document: JsonObject, options: Options) -> Result:
    """Inject one object that is no List."""
    report = _report(document)
    kind = document.get("kind")
    try:
        if kind == "Namespace":
            wanted = {names.ANNOTATION_INJECT: options.mode, **options.annotations}
            return _annotated(document, wanted), replace(report, outcome="annotated")
        if kind == "Service":
            wanted = {k: v for k, v in options.annotations.items() if k == names.ANNOTATION_OPAQUE_PORTS}
            return (
                (_annotated(document, wanted), replace(report, outcome="annotated")) if wanted else (document, report)
            )
        template = pod_template(document)
        if template is None or names.LABEL_CONTROL_PLANE_COMPONENT in mapping(mapping(template, "metadata"), "labels"):
            return document, report  # our own control plane terminates TLS itself
        return _inject_template(document, template, options, report)
    except Malformed as error:
        return document, replace(report, error=f"failed to inject {report.resource}: {error}")


def _annotated(document: JsonObject, annotations: dict[str, str]) -> JsonObject:
    changed = copy.deepcopy(document)
    attached(attached(changed, "metadata", ""), "annotations", "metadata").update(annotations)
    return changed


def _inject_template(document: JsonObject, original: JsonObject, options: Options, report: Report) -> Result:
    present = strings(child(original, "metadata", ""), "annotations", "metadata")
    template = uninject_pod(original) or original
    spec = child(template, "spec", "")
    asked, reasons = asked_of_cli(present), obstacles(spec)
    report = replace(report, udp=has_udp_ports(spec), reasons=(*reasons, *([asked.reason] if asked.reason else [])))
    if asked.reason is not None:
        return document, report
    if reasons:
        told = ", ".join(reason.message for reason in reasons)
        return document, replace(report, error=f"failed to inject {report.resource}: {told}")
    annotations = dict(options.annotations)
    warnings: list[str] = []
    if options.render is None:
        # Ingress mode is the workload's own choice; plain injection does not undo it.
        ingress = present.get(names.ANNOTATION_INJECT) == "ingress"
        annotations[names.ANNOTATION_INJECT] = "ingress" if ingress else options.mode
    elif options.mode != "enabled":
        annotations[names.ANNOTATION_INJECT] = options.mode
    template = _annotated(template, annotations) if annotations else template
    if options.render is not None:
        template, warnings = options.render(template, document)
    return with_template(document, template), replace(report, outcome="injected", warnings=tuple(warnings))


def uninject_document(document: JsonObject) -> Result:
    """Uninject one object that is no List; `linkerd.io/inject: disabled` and config.linkerd.io/* stay (Linkerd)."""
    report = _report(document)
    try:
        changed = _uninjected(document)
    except Malformed as error:
        return document, replace(report, error=f"failed to uninject {report.resource}: {error}")
    return (document, report) if changed is None else (changed, replace(report, outcome="uninjected"))


def _uninjected(document: JsonObject) -> JsonObject | None:
    if document.get("kind") in _METADATA_ONLY:
        if _OWN & labels(document).keys():
            return None  # the mesh's own objects keep the labels by which uninstall finds them
        changed = copy.deepcopy(document)
        return changed if uninject_metadata(mapping(changed, "metadata")) else None
    template = pod_template(document)
    cleaned = None if template is None else uninject_pod(template)
    if cleaned is None:
        return None
    if not cleaned.get("metadata"):
        cleaned.pop("metadata", None)  # a template without metadata got it from us
    return with_template(document, cleaned)
