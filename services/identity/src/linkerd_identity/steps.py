"""What a step writes: one object. Keys are made here, by the cryptography package; no clock, no IO."""

from dataclasses import dataclass, replace
from datetime import datetime

from linkerd_contract import names
from linkerd_identity import stored, trust
from linkerd_identity.settings import Lives
from linkerd_identity.stored import Anchors
from linkerd_identity.trust import ForgetAnchors, MakeAnchor, MakeIssuer, Publish, StageAnchor, Step, SwitchAnchor
from linkerd_kube import JsonObject
from linkerd_kube.resource import Resource
from linkerd_kube.resources import CONFIG_MAPS, SECRETS


@dataclass(frozen=True, slots=True)
class Objects:
    """The three objects as read; a write is guarded by the version that its decision was made from."""

    issuer: JsonObject | None = None
    bundle: JsonObject | None = None
    anchor: JsonObject | None = None

    def state(self) -> trust.State:
        """Their values."""
        return trust.State(
            issuer=None if self.issuer is None else stored.read_material(self.issuer),
            bundle=None if self.bundle is None else stored.read_config_map(self.bundle),
            anchors=None if self.anchor is None else stored.read_anchors(self.anchor),
        )


@dataclass(frozen=True, slots=True)
class Mesh:
    """Whose trust it is."""

    namespace: str
    trust_domain: str


@dataclass(frozen=True, slots=True)
class Write:
    """One object to create, or to replace where it has a resourceVersion."""

    resource: Resource
    name: str
    body: JsonObject

    @property
    def replaces(self) -> bool:
        """Whether the object is there already."""
        return "resourceVersion" in self.body["metadata"]


def write_of(step: Step, objects: Objects, mesh: Mesh, lives: Lives, now: datetime) -> Write:
    """Carry out a step in memory."""
    if isinstance(step, Publish):
        body = stored.replacing(objects.bundle, stored.config_map_of(mesh.namespace, step.bundle))
        return Write(CONFIG_MAPS, names.TRUST_ROOTS_CONFIG_MAP, body)
    if isinstance(step, MakeIssuer):
        pair = trust.make_issuer(step.anchor, mesh.namespace, mesh.trust_domain, lives, now)
        secret = stored.issuer_secret(mesh.namespace, pair, step.anchor.certificate_pem, now, step.answers)
        return Write(SECRETS, names.ISSUER_SECRET, stored.replacing(objects.issuer, secret))
    anchors = _anchors(step, mesh, lives, now)
    secret = stored.anchor_secret(mesh.namespace, anchors)
    return Write(SECRETS, names.ANCHOR_SECRET, stored.replacing(objects.anchor, secret))


def _anchors(
    step: MakeAnchor | StageAnchor | SwitchAnchor | ForgetAnchors, mesh: Mesh, lives: Lives, now: datetime
) -> Anchors:
    if isinstance(step, SwitchAnchor | ForgetAnchors):
        return step.anchors
    pair = trust.make_anchor(mesh.namespace, mesh.trust_domain, lives, now)
    if isinstance(step, MakeAnchor):
        return Anchors(pair.certificate_pem, pair.key_pem)
    return replace(step.anchors, next_certificate=pair.certificate_pem, next_key=pair.key_pem, answers=step.answers)


SENTENCES: dict[type[Step], tuple[str, str]] = {
    MakeAnchor: ("TrustAnchorMade", "made the trust anchor"),
    StageAnchor: ("TrustAnchorStaged", "made the next trust anchor; it will be published beside the one in use"),
    SwitchAnchor: ("TrustAnchorSwitched", "the next trust anchor signs from now on"),
    ForgetAnchors: ("TrustAnchorDropped", "the old trust anchor is no longer published"),
    Publish: ("TrustBundlePublished", "published the trust bundle"),
    MakeIssuer: ("IssuerMade", "made an issuer"),
}
"""Reason of the Event and the words of the log, by step."""
