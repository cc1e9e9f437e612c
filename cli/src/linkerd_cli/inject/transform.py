"""What `linkerd inject` does to one document. PURE; works in place.

By default it only annotates: the cluster's webhook injects. Kinds without a pod pass untouched; a Namespace gets the
annotation itself; a Service only opaque ports. With a renderer (`--manual`) the sidecar is written out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from linkerd_cli.documents import JsonObject
from linkerd_cli.inject.removal import uninject
from linkerd_cli.inject.workloads import ensure, kind_of, mapping, name_of, objects, pod_template, text
from linkerd_contract import names

Outcome = Literal["injected", "annotated", "uninjected", "skipped"]
Renderer = Callable[[JsonObject, JsonObject], list[str]]
"""Writes the sidecar into (pod template, whole document), in place; answers with warnings. Raises ValueError."""

_OTHER_MESHES = frozenset({"istio-proxy", "istio-init"})
HOST_NETWORK = "hostNetwork is enabled"
SIDECAR = "pod has a sidecar injected already"


@dataclass(frozen=True, slots=True)
class Options:
    """`annotations` are what flags ask for, by full name; `mode` is the value of linkerd.io/inject."""

    mode: str = "enabled"
    annotations: dict[str, str] = field(default_factory=dict)
    render: Renderer | None = None


@dataclass(slots=True)
class Report:
    """What became of one object; `error` fails the command."""

    kind: str
    name: str
    outcome: Outcome = "skipped"
    error: str = ""
    host_network: bool = False
    sidecar: bool = False
    disabled: bool = False
    udp: bool = False
    has_pod: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def resource(self) -> str:
        """As Linkerd names it: "deployment/web"."""
        return f"{self.kind}/{self.name}"


def inject_document(document: JsonObject, options: Options) -> Report:
    """Inject one object that is no List; the report says whether the object changed."""
    report = Report(kind_of(document), name_of(document))
    kind = document.get("kind")
    if kind == "Namespace":
        _annotate(document, {names.ANNOTATION_INJECT: options.mode, **options.annotations}, report)
    elif kind == "Service":
        wanted = {k: v for k, v in options.annotations.items() if k == names.ANNOTATION_OPAQUE_PORTS}
        if wanted:
            _annotate(document, wanted, report)
    elif (template := pod_template(document)) is not None:
        _inject_template(document, template, options, report)
    return report


def _annotate(document: JsonObject, annotations: dict[str, str], report: Report) -> None:
    ensure(ensure(document, "metadata"), "annotations").update(annotations)
    report.outcome = "annotated"


def _inject_template(document: JsonObject, template: JsonObject, options: Options, report: Report) -> None:
    report.has_pod = True
    metadata, spec = mapping(template, "metadata"), mapping(template, "spec")
    if names.LABEL_CONTROL_PLANE_COMPONENT in mapping(metadata, "labels"):
        return  # the control plane terminates TLS itself
    mode = mapping(metadata, "annotations").get(names.ANNOTATION_INJECT)
    report.disabled = mode == "disabled"
    report.host_network = spec.get("hostNetwork") is True
    report.sidecar = any(
        text(c, "name") in _OTHER_MESHES for key in ("containers", "initContainers") for c in objects(spec, key)
    )
    report.udp = any(
        text(port, "protocol") == "UDP" for c in objects(spec, "containers") for port in objects(c, "ports")
    )
    if report.disabled:
        return
    reasons = [HOST_NETWORK] * report.host_network + [SIDECAR] * report.sidecar
    if reasons:
        report.error = f"failed to inject {report.resource}: {', '.join(reasons)}"
        return
    uninject(document)
    annotations = ensure(ensure(template, "metadata"), "annotations")
    annotations.update(options.annotations)
    if options.render is None:
        # Ingress mode is the workload's own choice; plain injection does not undo it.
        annotations[names.ANNOTATION_INJECT] = "ingress" if mode == "ingress" else options.mode
    else:
        try:
            report.warnings += options.render(template, document)
        except ValueError as error:
            report.error = f"failed to inject {report.resource}: {error}"
            return
    report.outcome = "injected"


def uninject_document(document: JsonObject) -> Report:
    """Uninject one object that is no List."""
    report = Report(kind_of(document), name_of(document), has_pod=pod_template(document) is not None)
    if uninject(document):
        report.outcome = "uninjected"
    return report
