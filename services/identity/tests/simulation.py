"""A mesh without sockets: three objects, two replicas of identity and some workloads, on a clock of the test's own.

Everything that decides is the real code (`trust.plan`, `steps.write_of`, `authority.issue`); reading and writing the
objects, and who talks to whom, are played. `Mesh.check` is what the whole design is for.
"""

import copy
import itertools
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from linkerd_contract import names
from linkerd_contract.trust import ANNOTATION_ROTATE_ANCHOR, ANNOTATION_ROTATE_ISSUER
from linkerd_identity import steps, stored, trust
from linkerd_identity.authority import Issuer
from linkerd_identity.settings import Lives
from linkerd_identity.steps import Objects, Write
from linkerd_kube import JsonObject
from linkerd_runtime import pki

START = datetime(2026, 1, 1, tzinfo=UTC)
LIVES = Lives(
    leaf=timedelta(seconds=30), skew=timedelta(seconds=1), issuer=timedelta(seconds=120), anchor=timedelta(seconds=800)
)
# The anchor's life leaves room for outages that are played: one that is over before the next is known helps nobody.
assert not LIVES.problems()
TICK = LIVES.stale / 2
MESH = steps.Mesh("linkerd", "cluster.local")
_FIELDS = {names.ISSUER_SECRET: "issuer", names.TRUST_ROOTS_CONFIG_MAP: "bundle", names.ANCHOR_SECRET: "anchor"}


@dataclass
class Store:
    """The API server: every write must name the version that it replaces."""

    objects: dict[str, JsonObject] = field(default_factory=dict)
    version: int = 0
    writes: list[str] = field(default_factory=list)

    def read(self) -> Objects:
        return Objects(**copy.deepcopy({_FIELDS[name]: found for name, found in self.objects.items()}))

    def write(self, write: Write, step: trust.Step) -> bool:
        there = self.objects.get(write.name)
        version = write.body["metadata"].get("resourceVersion")
        if version != (None if there is None else there["metadata"]["resourceVersion"]):
            return False
        self.put(write.name, write.body)
        self.writes.append(type(step).__name__)
        return True

    def put(self, name: str, body: JsonObject) -> None:
        self.version += 1
        self.objects[name] = copy.deepcopy(body)
        self.objects[name]["metadata"]["resourceVersion"] = str(self.version)

    def annotate(self, key: str, value: str) -> None:
        if (bundle := self.objects.get(names.TRUST_ROOTS_CONFIG_MAP)) is not None:
            bundle["metadata"]["annotations"][key] = value
            self.put(names.TRUST_ROOTS_CONFIG_MAP, bundle)


@dataclass
class Replica:
    """Of identity. `offset` is how wrong its clock is."""

    offset: timedelta
    up: bool = True
    reads: bool = True
    """Whether the API server answers it."""
    issuer: Issuer | None = None
    looked_at: datetime = START
    seen: int = -1
    again: datetime | None = None
    late: tuple[Write, trust.Step] | None = None
    """A write that was decided and has not arrived yet."""

    def can_sign(self, now: datetime) -> bool:
        return self.up and self.issuer is not None and now - self.looked_at <= LIVES.stale


@dataclass
class Workload:
    """A proxy: its leaf is told by its issuer and its end; its key plays no part."""

    offset: timedelta
    bundle: str
    issuer: Issuer | None = None
    not_after: datetime = START
    refresh_at: datetime = START

    def holds(self, now: datetime) -> bool:
        return self.issuer is not None and now + LIVES.skew < self.not_after


class Mesh:
    """All of it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = START
        self.store = Store()
        # Clocks differ from each other by at most the skew.
        half = LIVES.skew.total_seconds() / 2
        self.replicas = [Replica(timedelta(seconds=offset)) for offset in (-half, half)]
        self.workloads: list[Workload] = []
        self._verified: dict[tuple[bytes, str], bool] = {}

    def tick(self, crash: bool = False) -> None:
        """Time goes on. With `crash`, each write of this tick is lost or is the writer's last act until the next."""
        self.now += TICK * self.random.uniform(0.5, 1.0)
        for replica in self.replicas:
            self._look(replica, crash)
        for workload in self.workloads:
            if self.now + workload.offset >= workload.refresh_at:
                self._certify(workload)
        self.check()

    def start_workload(self) -> None:
        """A pod is admitted: the injector renders what is published now."""
        bundle = self.store.objects.get(names.TRUST_ROOTS_CONFIG_MAP)
        if bundle is not None:
            half = LIVES.skew.total_seconds() / 2
            offset = timedelta(seconds=self.random.uniform(-half, half))
            self.workloads.append(Workload(offset, bundle["data"][names.TRUST_ROOTS_KEY]))

    def lose(self, name: str) -> None:
        """Somebody deletes an object; not the last one that can still sign, for nothing helps then."""
        secret = self.store.objects.get(names.ANCHOR_SECRET)
        anchor = secret is not None and stored.read_anchors(secret).key != ""
        if name == names.ISSUER_SECRET and not anchor:
            return
        if name == names.ANCHOR_SECRET and not self._issuer_lives_on():
            return
        self.store.objects.pop(name, None)
        self.store.version += 1

    def ask(self, what: str, number: int) -> None:
        """`linkerd identity rotate`."""
        key = ANNOTATION_ROTATE_ANCHOR if what == "anchor" else ANNOTATION_ROTATE_ISSUER
        self.store.annotate(key, f"request {number}")

    def anchors(self) -> int:
        """How many are published."""
        return len(pki.read_certificates(self.store.objects[names.TRUST_ROOTS_CONFIG_MAP]["data"]["ca-bundle.crt"]))

    def check(self) -> None:
        """Every leaf in use verifies at every workload."""
        using = [workload for workload in self.workloads if workload.holds(self.now)]
        for one, other in itertools.permutations(using, 2):
            assert one.issuer is not None
            assert self._verifies(one.issuer, other.bundle), f"at {self.now - START}: {self.store.writes}"

    def _issuer_lives_on(self) -> bool:
        """Until another anchor can be in force."""
        secret = self.store.objects.get(names.ISSUER_SECRET)
        if secret is None:
            return False
        end = pki.read_certificates(stored.read_material(secret).certificate)[0].not_valid_after_utc
        return end > self.now + 1.5 * LIVES.overlap

    def _look(self, replica: Replica, crash: bool) -> None:
        if not replica.up or not replica.reads:
            return
        if replica.late is not None:
            self.store.write(*replica.late)
            replica.late = None
        for _ in range(8):
            now = self.now + replica.offset
            if replica.seen == self.store.version and (replica.again is None or now < replica.again):
                # As the plan said: nothing to do before that. Looking again costs the test time only.
                replica.looked_at = self.now
                return
            objects = self.store.read()
            plan = trust.plan(objects.state(), LIVES, now)
            replica.looked_at = self.now
            if plan.serve is not None:
                replica.issuer = plan.serve
            if plan.step is None:
                replica.seen, replica.again = self.store.version, plan.again
                return
            write = steps.write_of(plan.step, objects, MESH, LIVES, now)
            fate = self.random.choice(("before", "after", "late")) if crash else "written"
            if fate == "late":
                replica.late = (write, plan.step)
            elif fate != "before":
                self.store.write(write, plan.step)
            if fate != "written":
                return
        raise AssertionError(f"the steps do not come to an end: {self.store.writes[-8:]}")

    def _certify(self, workload: Workload) -> None:
        able = [replica for replica in self.replicas if replica.can_sign(self.now)]
        if not able:
            return
        replica = self.random.choice(able)
        assert replica.issuer is not None
        # No token is sent before identity's own certificate verifies: a workload that cannot is lost.
        assert self._verifies(replica.issuer, workload.bundle), f"cannot verify identity: {self.store.writes}"
        now = self.now + replica.offset
        workload.issuer = replica.issuer
        workload.bundle = replica.issuer.bundle
        workload.not_after = min(now + LIVES.leaf + LIVES.skew, replica.issuer.not_after)
        life = workload.not_after - (self.now + workload.offset)
        workload.refresh_at = self.now + workload.offset + life * 0.7 * self.random.uniform(0.95, 1.0)

    def _verifies(self, issuer: Issuer, bundle: str) -> bool:
        """Whether a leaf of this issuer is accepted by who has this bundle; the dates of the CAs too."""
        anchor = issuer.anchor
        if not anchor.not_valid_before_utc <= self.now + LIVES.skew or self.now > anchor.not_valid_after_utc:
            return False
        key = (issuer.pair.certificate.tbs_certificate_bytes, bundle)
        if key not in self._verified:
            anchors = pki.read_certificates(bundle)
            self._verified[key] = any(_signed(issuer.pair.certificate, anchor) for anchor in anchors)
        return self._verified[key]


def _signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, InvalidSignature):
        return False
    return True
