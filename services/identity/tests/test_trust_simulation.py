"""Rotation as a whole, replayed from a seed: at no instant does a leaf in use fail to verify at a peer, whatever
crashes, pauses and requests there are; and everything is rotated all the same.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services.identity.tests.simulation import LIVES, TICK, Mesh

from linkerd_contract import names
from linkerd_identity import stored

TICKS = 320
"""Six minutes: the faults come in these."""


def running(seed: int = 0) -> Mesh:
    """A mesh of three workloads."""
    mesh = Mesh(seed)
    mesh.tick()
    for _ in range(3):
        mesh.start_workload()
        mesh.tick()
    return mesh


def issuer_of(mesh: Mesh) -> str:
    return stored.read_material(mesh.store.objects[names.ISSUER_SECRET]).certificate


def anchor_of(mesh: Mesh) -> str:
    return stored.read_anchors(mesh.store.objects[names.ANCHOR_SECRET]).certificate


def test_from_nothing_one_object_at_a_time() -> None:
    mesh = Mesh(0)
    mesh.tick()
    assert mesh.store.writes == ["MakeAnchor", "Publish", "MakeIssuer"]


def test_on_the_clock_alone_everything_is_rotated() -> None:
    mesh = running()
    anchors, issuers, most = set(), set(), 0
    for _ in range(round(2 * LIVES.anchor / (TICK * 0.75))):
        mesh.tick()
        anchors.add(anchor_of(mesh))
        issuers.add(issuer_of(mesh))
        most = max(most, mesh.anchors())
    assert len(anchors) >= 3
    assert len(issuers) >= 6
    assert most == 2


def test_an_anchors_rotation_step_by_step() -> None:
    mesh = running()
    before, anchor = len(mesh.store.writes), anchor_of(mesh)
    mesh.ask("anchor", 1)
    asked_at, switched_at = mesh.now, None
    while "ForgetAnchors" not in mesh.store.writes[before:]:
        assert mesh.now < asked_at + 4 * LIVES.overlap
        mesh.tick()
        if switched_at is None and "SwitchAnchor" in mesh.store.writes[before:]:
            switched_at = mesh.now
    assert switched_at is not None
    assert switched_at - asked_at >= LIVES.overlap
    assert mesh.now - switched_at >= LIVES.overlap
    assert anchor_of(mesh) != anchor
    assert mesh.anchors() == 1
    written = [step for step in mesh.store.writes[before:] if step != "Publish"]
    assert written == ["StageAnchor", "SwitchAnchor", "MakeIssuer", "ForgetAnchors"]
    for _ in range(20):
        mesh.tick()
    assert mesh.store.writes[before:].count("StageAnchor") == 1


def faults(kinds: str) -> st.SearchStrategy[list[tuple[int, str, int]]]:
    """(at which tick, what, for how many ticks)"""
    fault = st.tuples(st.integers(0, TICKS - 1), st.sampled_from(kinds.split(", ")), st.integers(1, 60))
    return st.lists(fault, max_size=14)


CRASHES = faults("crash, crash, pause, blind, outage, issuer, anchor, start, no issuer, no bundle")
# Where the anchor's key is gone, nothing helps against a long outage: these come apart.
LOSSES = faults("pause, blind, issuer, anchor, start, no issuer, no bundle, no anchor")
replaying = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
at_length = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@replaying
@given(st.integers(0, 2**32), CRASHES)
def test_no_leaf_ever_fails_whatever_crashes(seed: int, found: list[tuple[int, str, int]]) -> None:
    _replay(seed, found)


@replaying
@given(st.integers(0, 2**32), LOSSES)
def test_no_leaf_ever_fails_whatever_is_deleted(seed: int, found: list[tuple[int, str, int]]) -> None:
    _replay(seed, found)


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@at_length
@given(st.integers(0, 2**32), CRASHES | LOSSES)
def test_no_leaf_ever_fails_at_length(seed: int, found: list[tuple[int, str, int]]) -> None:
    _replay(seed, found)


def _replay(seed: int, faults: list[tuple[int, str, int]]) -> None:
    mesh = running(seed)
    by_tick: dict[int, list[tuple[str, int]]] = {}
    for tick, kind, length in faults:
        by_tick.setdefault(tick, []).append((kind, length))
    crashing = 0
    back: dict[int, list[str]] = {}
    for tick in range(TICKS):
        for kind in back.pop(tick, []):
            _end(mesh, kind)
        for kind, length in by_tick.get(tick, []):
            if kind == "crash":
                crashing = tick + length
            else:
                _begin(mesh, kind, tick)
                back.setdefault(tick + length, []).append(kind)
        mesh.tick(crash=tick < crashing)
    for kinds in back.values():
        for kind in kinds:
            _end(mesh, kind)
    for _ in range(2 * round(LIVES.overlap / TICK) + 10):
        mesh.tick()
    assert all(workload.holds(mesh.now) for workload in mesh.workloads)


def _begin(mesh: Mesh, kind: str, number: int) -> None:
    if kind == "pause":
        mesh.replicas[0].up = False
    elif kind == "blind":
        mesh.replicas[1].reads = False
    elif kind == "outage":
        for replica in mesh.replicas:
            replica.up = False
    elif kind in ("issuer", "anchor"):
        mesh.ask(kind, number)
    elif kind == "start":
        mesh.start_workload()
    else:
        lost = {"no issuer": names.ISSUER_SECRET, "no anchor": names.ANCHOR_SECRET}
        mesh.lose(lost.get(kind, names.TRUST_ROOTS_CONFIG_MAP))


def _end(mesh: Mesh, kind: str) -> None:
    if kind == "blind":
        mesh.replicas[1].reads = True
    elif kind in ("pause", "outage"):
        for replica in mesh.replicas:
            replica.up = True
