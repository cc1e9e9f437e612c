"""PURE: where the mesh's trust stands, and the next step to make. Every step writes one object, so that a crash after
any of them resumes at the next; every step is decided from the three objects and the clock alone.

Self-running, the first rule that holds (README.md tells why each is safe):
1. no anchor                        -> make one; or stage one, where an issuer still serves
2. something of ours is not published, or the record of it is not right -> publish
3. no usable issuer                 -> sign one (with the staged anchor, where the old one is of no use)
4. an anchor is staged              -> when it was published for one overlap: switch to it
5. the issuer stands under an older anchor, or two thirds of its life are over, or it was asked for -> sign another
6. anchors have retired             -> one overlap after the issuer was replaced: drop them, then forget them
7. two thirds of the anchor's life are over, or it was asked for -> stage another

Given (a Secret of the user's, or one announced on the ConfigMap): nothing is made but a missing bundle, from the
Secret's own ca.crt.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509

from linkerd_contract import names
from linkerd_contract.trust import Phase
from linkerd_identity.authority import Issuer, IssuerRefused, NotYetValid, check_issuer, read_bundle
from linkerd_identity.settings import Lives
from linkerd_identity.stored import Anchors, Bundle, Material
from linkerd_runtime import pki

_RENEW_AT = 2 / 3
"""Share of a CA certificate's life after which it is replaced (cert-manager's default)."""
_GAP_LEAST = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class State:
    """The three objects as read."""

    issuer: Material | None = None
    bundle: Bundle | None = None
    anchors: Anchors | None = None

    @property
    def given(self) -> bool:
        """Whether the user gives the trust."""
        if self.issuer is not None:
            return not self.issuer.ours
        return self.bundle is not None and (self.bundle.given or (bool(self.bundle.text) and not self.bundle.ours))


@dataclass(frozen=True, slots=True)
class MakeAnchor:
    """Write the anchor's Secret with a first anchor."""


@dataclass(frozen=True, slots=True)
class StageAnchor:
    """Add a next anchor to the Secret."""

    anchors: Anchors
    """To be kept beside it."""
    answers: str


@dataclass(frozen=True, slots=True)
class SwitchAnchor:
    """The next anchor becomes the one that signs; the old one's key is forgotten."""

    anchors: Anchors
    """As to be written."""


@dataclass(frozen=True, slots=True)
class ForgetAnchors:
    """Remove the retired anchors from the Secret: they are not published any more."""

    anchors: Anchors
    """As to be written."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Write the bundle's ConfigMap."""

    bundle: Bundle


@dataclass(frozen=True, slots=True)
class MakeIssuer:
    """Write the issuer's Secret, signed by the anchor."""

    anchor: pki.KeyPair
    answers: str = ""


Step = MakeAnchor | StageAnchor | SwitchAnchor | ForgetAnchors | Publish | MakeIssuer


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, and when to look again."""

    serve: Issuer | None = None
    """What may sign now."""
    step: Step | None = None
    again: datetime | None = None
    """When the clock alone brings the next step; None where only a change does."""
    refused: str = ""
    """Why nothing may sign, or why an update is not taken: a sentence for people."""
    phase: Phase = Phase.steady


def plan(state: State, lives: Lives, now: datetime) -> Plan:
    """Decide."""
    try:
        if state.given:
            return _given(state, lives, now)
        return _SelfRunning(state, lives, now).plan()
    except IssuerRefused as refused:
        return Plan(refused=str(refused))


def make_anchor(namespace: str, trust_domain: str, lives: Lives, now: datetime) -> pki.KeyPair:
    """A self-signed anchor: root.linkerd.cluster.local, as Linkerd's documentation names it."""
    return pki.make_ca(f"root.{namespace}.{trust_domain}", _validity(now, lives, lives.anchor))


def make_issuer(anchor: pki.KeyPair, namespace: str, trust_domain: str, lives: Lives, now: datetime) -> pki.KeyPair:
    """An issuer under the anchor, never outliving it."""
    wanted = _validity(now, lives, lives.issuer)
    validity = pki.Validity(wanted.not_before, min(wanted.not_after, anchor.certificate.not_valid_after_utc))
    return pki.make_ca(names.issuer_name(namespace, trust_domain), validity, parent=anchor, path_length=0)


def renewal(certificate: x509.Certificate) -> datetime:
    """When a CA certificate is to be replaced."""
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_before_utc + life * _RENEW_AT


def _validity(now: datetime, lives: Lives, life: timedelta) -> pki.Validity:
    return pki.Validity((now - lives.skew).replace(microsecond=0), (now + life).replace(microsecond=0))


def _given(state: State, lives: Lives, now: datetime) -> Plan:
    issuer, bundle = state.issuer, state.bundle
    if issuer is None:
        raise IssuerRefused(
            f"the trust bundle in ConfigMap {names.TRUST_ROOTS_CONFIG_MAP} is given, so Secret {names.ISSUER_SECRET} "
            "must be given too; it is missing"
        )
    if bundle is None or not bundle.text:
        if not issuer.ca:
            raise IssuerRefused(
                f"ConfigMap {names.TRUST_ROOTS_CONFIG_MAP} has no {names.TRUST_ROOTS_KEY}, and Secret "
                f"{names.ISSUER_SECRET} has no ca.crt to make it from"
            )
        published = pki.pem(*read_bundle(issuer.ca))
        return Plan(step=Publish(Bundle(published, ours=True, published_at=now, overlap=lives.overlap)))
    return Plan(serve=check_issuer(issuer.certificate, issuer.key, bundle.text, now, lives.skew))


class _SelfRunning:
    """One decision. The rules are tried in order; `_again` collects the times that some of them wait for."""

    def __init__(self, state: State, lives: Lives, now: datetime) -> None:
        self._lives = lives
        self._now = now
        self._bundle = state.bundle or Bundle("", ours=True)
        self._anchors = state.anchors or Anchors()
        self._material = state.issuer
        self._published = read_bundle(self._bundle.text) if self._bundle.text else []
        self._current = _pair(self._anchors.certificate, self._anchors.key)
        self._next = _pair(self._anchors.next_certificate, self._anchors.next_key)
        self._previous = read_bundle(self._anchors.previous) if self._anchors.previous else []
        self._overlap = max(lives.overlap, self._bundle.overlap)
        self._tolerance = 2 * lives.skew + timedelta(seconds=1)
        self._again: list[datetime] = []
        self._issuer = self._usable_issuer()

    def plan(self) -> Plan:
        step = self._step()
        # Longer leaves than were ever announced are not signed before the record says so.
        recorded = self._bundle.overlap >= self._lives.overlap or not self._bundle.ours
        serving = self._issuer is not None and self._issuer.anchor in self._published and recorded
        again = min((time for time in self._again if time > self._now), default=None)
        serve = None
        if serving and self._issuer is not None:
            serve = replace(self._issuer, bundle=pki.pem(*self._published))
        refused = "" if serve is not None else "trust is being made"
        return Plan(serve, step, again, refused, self._phase())

    def _phase(self) -> Phase:
        if self._next is not None:
            return Phase.published
        if self._issuer is not None and self._current is not None and not self._under_current():
            return Phase.switched
        return Phase.switched if self._previous else Phase.steady

    def _usable_issuer(self) -> Issuer | None:
        """The issuer, if it stands under any anchor that we know, published or not."""
        if self._material is None:
            return None
        known = [*self._own_anchors(), *self._previous, *self._published]
        if self._material.ca:
            known += read_bundle(self._material.ca)
        if not known:
            return None
        lives = self._lives
        try:
            return check_issuer(self._material.certificate, self._material.key, pki.pem(*known), self._now, lives.skew)
        except IssuerRefused:
            return None

    def _own_anchors(self) -> list[x509.Certificate]:
        return [pair.certificate for pair in (self._current, self._next) if pair is not None]

    def _step(self) -> Step | None:
        if self._current is None and self._next is None:
            return self._without_anchor()
        step = self._publish() or self._sign_first()
        if step is not None:
            return step
        if self._next is not None:
            return self._beat() or self._switch() or self._sign_again()
        return self._sign_again() or self._retire() or self._stage()

    def _without_anchor(self) -> Step:
        if self._issuer is None:
            return MakeAnchor()
        # Somebody has removed the anchor's Secret: what it signed serves on until another one is in force.
        return StageAnchor(Anchors(previous=pki.pem(self._issuer.anchor)), self._bundle.rotate_anchor)

    def _publish(self) -> Step | None:
        """Rule 2. No leaf is ever signed under an anchor that is not published."""
        wanted = self._own_anchors()
        if self._issuer is not None:
            wanted.append(self._issuer.anchor)
            if self._now < self._retired_at():
                wanted += self._previous
        missing = [anchor for anchor in wanted if anchor not in self._published]
        if not self._bundle.ours:
            if missing:
                raise IssuerRefused(
                    f"ConfigMap {names.TRUST_ROOTS_CONFIG_MAP} was not made by us and lacks our trust anchor"
                )
            return None
        since = self._bundle.published_at
        # Far in the future: by a clock that was wrong. Nearer ones are waited for, for ours may be the wrong one.
        wrong = since is None or since > self._now + self._overlap
        if not missing and not wrong and self._bundle.overlap >= self._lives.overlap:
            return None
        if missing or wrong:
            since = self._now
        return self._published_as([*self._published, *dict.fromkeys(missing)], since)

    def _published_as(self, anchors: list[x509.Certificate], since: datetime | None) -> Publish:
        return Publish(
            replace(
                self._bundle,
                text=pki.pem(*anchors),
                published_at=since,
                serving_at=self._now,
                overlap=max(self._overlap, self._lives.overlap),
            )
        )

    def _sign_first(self) -> Step | None:
        """Rule 3."""
        if self._issuer is not None:
            return None
        if self._current is not None:
            certificate = self._current.certificate
            if self._now + self._lives.skew < certificate.not_valid_before_utc:
                # Making another anchor for a clock that is wrong would break the mesh when it is put right.
                raise NotYetValid(
                    f"the trust anchor is valid from {certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}: "
                    "is this machine's clock right?"
                )
            if self._now < certificate.not_valid_after_utc:
                return MakeIssuer(self._current, self._bundle.rotate_issuer)
        if self._next is None:
            return StageAnchor(self._anchors, self._bundle.rotate_anchor)
        return self._switched()

    def _beat(self) -> Step | None:
        """While an anchor is staged, only time counts in which workloads could have learned of it."""
        if not self._bundle.ours:
            return None
        seen = self._bundle.serving_at
        if seen is None or self._now - seen > max(self._overlap / 4, _GAP_LEAST):
            return self._published_as(self._published, self._now)
        if seen > self._now + self._tolerance:
            # Our clock was put back: that must not make the time of publishing earlier.
            return self._published_as(self._published, self._bundle.published_at)
        if self._now - seen >= self._overlap / 8:
            return self._published_as(self._published, self._bundle.published_at)
        self._again.append(seen + self._overlap / 8)
        return None

    def _matured(self) -> bool:
        """Whether the newest anchor has been published for one overlap."""
        since = self._bundle.published_at
        if since is None:
            return True  # a bundle that is not ours
        self._again.append(since + self._overlap)
        return self._now >= since + self._overlap

    def _switch(self) -> Step | None:
        """Rule 4."""
        return self._switched() if self._matured() else None

    def _switched(self) -> SwitchAnchor:
        anchors = self._anchors
        return SwitchAnchor(
            replace(
                anchors,
                certificate=anchors.next_certificate,
                key=anchors.next_key,
                next_certificate="",
                next_key="",
                previous=anchors.previous + anchors.certificate,
            )
        )

    def _under_current(self) -> bool:
        return (
            self._issuer is not None
            and self._current is not None
            and (self._issuer.anchor == self._current.certificate)
        )

    def _sign_again(self) -> Step | None:
        """Rule 5."""
        assert self._material is not None
        assert self._issuer is not None
        if self._current is None:
            return None
        if not self._under_current():
            return MakeIssuer(self._current, self._bundle.rotate_issuer) if self._matured() else None
        own = self._issuer.pair.certificate
        asked = self._bundle.rotate_issuer not in ("", self._material.answers)
        if own.not_valid_after_utc < self._current.certificate.not_valid_after_utc:
            self._again.append(renewal(own))
            asked = asked or self._now >= renewal(own)
        return MakeIssuer(self._current, self._bundle.rotate_issuer) if asked else None

    def _retire(self) -> Step | None:
        """Rule 6."""
        assert self._material is not None
        assert self._issuer is not None
        if not self._previous or not self._under_current():
            return None
        kept = [anchor for anchor in self._published if anchor not in self._previous]
        if len(kept) == len(self._published) or not self._bundle.ours:
            return ForgetAnchors(replace(self._anchors, previous=""))
        self._again.append(self._retired_at())
        if self._now < self._retired_at():
            return None
        return Publish(replace(self._bundle, text=pki.pem(*kept), overlap=self._overlap))

    def _retired_at(self) -> datetime:
        """When the last leaf from before the present issuer has ended."""
        assert self._material is not None
        assert self._issuer is not None
        begun = self._issuer.pair.certificate.not_valid_before_utc + self._lives.skew
        return (self._material.made_at or begun) + self._overlap

    def _stage(self) -> Step | None:
        """Rule 7."""
        if self._previous or not self._bundle.ours or self._current is None:
            return None
        asked = self._bundle.rotate_anchor not in ("", self._anchors.answers)
        due = renewal(self._current.certificate)
        self._again.append(due)
        if not asked and self._now < due:
            return None
        return StageAnchor(self._anchors, self._bundle.rotate_anchor)


def _pair(certificate: str, key: str) -> pki.KeyPair | None:
    """None where there is none. Raises IssuerRefused."""
    if not certificate and not key:
        return None
    try:
        pair = pki.KeyPair(pki.read_certificates(certificate)[0], pki.read_key(key))
    except ValueError as error:
        raise IssuerRefused(f"Secret {names.ANCHOR_SECRET} does not hold a readable certificate and key") from error
    if pair.certificate.public_key() != pair.key.public_key():
        raise IssuerRefused(f"the key in Secret {names.ANCHOR_SECRET} does not belong to its certificate")
    return pair
