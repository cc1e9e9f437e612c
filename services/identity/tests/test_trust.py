"""The next step from every state: self-running, rule by rule; given trust; what only a person can mend."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from linkerd_contract.trust import Phase
from linkerd_identity import trust
from linkerd_identity.settings import Lives
from linkerd_identity.stored import Anchors, Bundle, Material
from linkerd_identity.trust import (
    ForgetAnchors,
    MakeAnchor,
    MakeIssuer,
    Plan,
    Publish,
    StageAnchor,
    State,
    Step,
    SwitchAnchor,
)
from linkerd_runtime import pki

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIVES = Lives()
LATER = NOW + LIVES.overlap
DAY = timedelta(days=1)


def anchor(now: datetime = NOW, lives: Lives = LIVES) -> pki.KeyPair:
    return trust.make_anchor("linkerd", "cluster.local", lives, now)


def issuer(under: pki.KeyPair, now: datetime = NOW, lives: Lives = LIVES) -> pki.KeyPair:
    return trust.make_issuer(under, "linkerd", "cluster.local", lives, now)


OLD, NEW, OTHER = anchor(), anchor(), anchor()
OLD_ISSUER, NEW_ISSUER = issuer(OLD), issuer(NEW)


def material(pair: pki.KeyPair = OLD_ISSUER, *, ours: bool = True, ca: str = "", made_at: datetime = NOW) -> Material:
    return Material(pair.certificate_pem, pair.key_pem, ca, ours, made_at)


def bundle(*anchors: pki.KeyPair, ours: bool = True, at: datetime | None = NOW) -> Bundle:
    text = "".join(pair.certificate_pem for pair in anchors)
    return Bundle(text, ours, at, at, LIVES.overlap if ours else timedelta(0))


def anchors(current: pki.KeyPair | None = OLD, following: pki.KeyPair | None = None, previous: str = "") -> Anchors:
    return Anchors(
        certificate=current.certificate_pem if current else "",
        key=current.key_pem if current else "",
        next_certificate=following.certificate_pem if following else "",
        next_key=following.key_pem if following else "",
        previous=previous,
    )


STEADY = State(material(), bundle(OLD), anchors())
STAGED = State(material(), bundle(OLD, NEW), anchors(OLD, NEW))
SWITCHED = State(material(), bundle(OLD, NEW), anchors(NEW, previous=OLD.certificate_pem))
RETIRING = State(material(NEW_ISSUER), bundle(OLD, NEW), anchors(NEW, previous=OLD.certificate_pem))
DROPPED = State(material(NEW_ISSUER), bundle(NEW), anchors(NEW, previous=OLD.certificate_pem))


def seen(state: State, at: datetime) -> State:
    """The same, with a replica that served at that time."""
    assert state.bundle is not None
    return replace(state, bundle=replace(state.bundle, serving_at=at))


STEPS: dict[str, tuple[State, datetime, type[Step] | None]] = {
    "nothing there": (State(), NOW, MakeAnchor),
    "an anchor that is not published": (State(None, None, anchors()), NOW, Publish),
    "an anchor without an issuer": (State(None, bundle(OLD), anchors()), NOW, MakeIssuer),
    "an anchor beside another bundle of ours": (State(None, bundle(OTHER), anchors()), NOW, Publish),
    "a lost bundle": (State(material(), None, anchors()), NOW, Publish),
    "an empty bundle": (State(material(), Bundle("", ours=True), anchors()), NOW, Publish),
    "a bundle without a record of when": (State(material(), bundle(OLD, at=None), anchors()), NOW, Publish),
    "a record of the future": (State(material(), bundle(OLD, at=NOW + 2 * DAY), anchors()), NOW, Publish),
    "a record of the near future": (State(material(), bundle(OLD, at=NOW + DAY), anchors()), NOW, None),
    "the anchor's Secret was removed": (State(material(), bundle(OLD), None), NOW, StageAnchor),
    "all is well": (STEADY, NOW, None),
    "the issuer, just before two thirds": (STEADY, NOW + 243 * DAY, None),
    "the issuer after two thirds": (STEADY, NOW + 244 * DAY, MakeIssuer),
    "the issuer has ended": (STEADY, NOW + 366 * DAY, MakeIssuer),
    "the anchor after two thirds": (
        State(material(issuer(OLD, NOW + 2430 * DAY)), bundle(OLD), anchors()),
        NOW + 2434 * DAY,
        StageAnchor,
    ),
    "the anchor has ended": (STEADY, NOW + 3651 * DAY, StageAnchor),
    "the anchor has ended, the next one is published": (
        State(material(), bundle(OLD, NEW), anchors(OLD, anchor(NOW + 3650 * DAY))),
        NOW + 3651 * DAY,
        Publish,
    ),
    "the next anchor is not published": (State(material(), bundle(OLD), anchors(OLD, NEW)), NOW, Publish),
    "the next anchor waits": (STAGED, NOW + timedelta(minutes=1), None),
    "the next anchor waits, and says that we serve": (STAGED, NOW + LIVES.overlap / 7, Publish),
    "the next anchor has waited": (seen(STAGED, LATER), LATER, SwitchAnchor),
    "nobody served while the next anchor waited": (STAGED, LATER, Publish),
    "the issuer stands under the old anchor": (SWITCHED, LATER, MakeIssuer),
    "the old anchor retires": (RETIRING, NOW + timedelta(hours=1), None),
    "the old anchor has retired": (RETIRING, LATER, Publish),
    "a lost bundle while the old anchor retires": (replace(RETIRING, bundle=None), NOW, Publish),
    "the old anchor is dropped": (DROPPED, LATER, ForgetAnchors),
    "longer leaves than announced": (
        State(material(), replace(bundle(OLD), overlap=timedelta(hours=1)), anchors()),
        NOW,
        Publish,
    ),
    "a bundle of the user's beside an issuer of ours": (
        State(material(), bundle(OLD, ours=False), anchors()),
        NOW,
        None,
    ),
    "it does not stop the issuer": (
        State(material(), bundle(OLD, ours=False), anchors()),
        NOW + 244 * DAY,
        MakeIssuer,
    ),
    "but no anchor is staged": (
        State(material(issuer(OLD, NOW + 2430 * DAY)), bundle(OLD, ours=False), anchors()),
        NOW + 2434 * DAY,
        None,
    ),
}


@pytest.mark.parametrize("case", STEPS)
def test_steps(case: str) -> None:
    state, now, expected = STEPS[case]
    step = trust.plan(state, LIVES, now).step
    assert (None if step is None else type(step)) is expected


SERVED: dict[str, tuple[State, datetime, pki.KeyPair | None]] = {
    "steady": (STEADY, NOW, OLD_ISSUER),
    "staged": (STAGED, NOW, OLD_ISSUER),
    "switched, until the issuer is replaced": (SWITCHED, LATER, OLD_ISSUER),
    "retiring": (RETIRING, NOW, NEW_ISSUER),
    "never under an anchor that is not published": (State(material(), bundle(OTHER), anchors()), NOW, None),
    "not before longer leaves are announced": (
        State(material(), replace(bundle(OLD), overlap=timedelta(hours=1)), anchors()),
        NOW,
        None,
    ),
    "given": (State(material(ours=False), bundle(OLD, ours=False)), NOW, OLD_ISSUER),
}


@pytest.mark.parametrize("case", SERVED)
def test_what_signs(case: str) -> None:
    state, now, expected = SERVED[case]
    serve = trust.plan(state, LIVES, now).serve
    assert (serve.pair.certificate if serve else None) == (expected.certificate if expected else None)
    if serve is not None and state.bundle is not None:
        assert serve.bundle == state.bundle.text


def test_phases_and_the_time_of_the_next_step() -> None:
    staged = trust.plan(STAGED, LIVES, NOW)
    assert (staged.phase, staged.again) == (Phase.published, NOW + LIVES.overlap / 8)
    assert trust.plan(SWITCHED, LIVES, NOW).phase is Phase.switched
    retiring = trust.plan(RETIRING, LIVES, NOW)
    assert (retiring.phase, retiring.again) == (Phase.switched, LATER)
    steady = trust.plan(STEADY, LIVES, NOW)
    assert (steady.phase, steady.again) == (Phase.steady, trust.renewal(OLD_ISSUER.certificate))


def test_each_request_is_answered_once() -> None:
    asked = replace(STEADY, bundle=replace(bundle(OLD), rotate_issuer="a", rotate_anchor="b"))
    first = trust.plan(asked, LIVES, NOW).step
    assert isinstance(first, MakeIssuer)
    assert first.answers == "a"
    answered = replace(asked, issuer=replace(material(), answers="a"))
    second = trust.plan(answered, LIVES, NOW).step
    assert isinstance(second, StageAnchor)
    assert second.answers == "b"
    assert trust.plan(replace(answered, anchors=replace(anchors(), answers="b")), LIVES, NOW).step is None


def test_an_anchors_request_waits_for_the_rotation_that_runs() -> None:
    running = replace(STAGED, bundle=replace(bundle(OLD, NEW), rotate_anchor="again"))
    assert trust.plan(running, LIVES, NOW).step is None
    retiring = replace(RETIRING, bundle=replace(bundle(OLD, NEW), rotate_anchor="again"))
    assert trust.plan(retiring, LIVES, NOW).step is None


def test_anchors_that_others_have_added_stay() -> None:
    state = replace(RETIRING, bundle=replace(bundle(OTHER, OLD, NEW)))
    step = trust.plan(state, LIVES, LATER).step
    assert isinstance(step, Publish)
    assert step.bundle.text == OTHER.certificate_pem + NEW.certificate_pem


def test_the_longest_overlap_that_was_announced_counts() -> None:
    state = replace(STAGED, bundle=replace(bundle(OLD, NEW), overlap=LIVES.overlap * 2))
    assert trust.plan(seen(state, LATER), LIVES, LATER).step is None
    assert isinstance(trust.plan(seen(state, LATER + LIVES.overlap), LIVES, LATER + LIVES.overlap).step, SwitchAnchor)


def test_a_clock_that_is_put_back_does_not_shorten_the_wait() -> None:
    before = NOW + timedelta(hours=5)
    later = State(material(), replace(bundle(OLD, NEW, at=before)), anchors(OLD, NEW))
    step = trust.plan(later, LIVES, NOW).step
    assert isinstance(step, Publish)
    assert (step.bundle.published_at, step.bundle.serving_at) == (before, NOW)


def test_a_clock_that_is_put_back_makes_no_other_anchor() -> None:
    plan = trust.plan(STEADY, LIVES, NOW - DAY)
    assert plan == Plan(refused=plan.refused)
    assert "is this machine's clock right?" in plan.refused


def test_an_issuer_of_the_future_is_replaced() -> None:
    """A clock was ahead for a while, and is right again."""
    state = State(material(issuer(OLD, NOW + DAY), made_at=NOW + DAY), bundle(OLD), anchors())
    assert isinstance(trust.plan(state, LIVES, NOW).step, MakeIssuer)


def test_an_issuer_that_cannot_live_longer_is_not_made_again() -> None:
    under = issuer(OLD, NOW + 3500 * DAY)
    state = State(material(under), bundle(OLD), anchors(OLD, NEW))
    state = seen(replace(state, bundle=bundle(OLD, NEW, at=NOW + 3640 * DAY)), NOW + 3640 * DAY)
    assert trust.plan(state, LIVES, NOW + 3640 * DAY).step is None


def test_given_with_a_bundle_or_its_own_ca() -> None:
    plan = trust.plan(State(material(ours=False), bundle(OLD, ours=False)), LIVES, NOW)
    assert plan.step is None
    assert plan.serve is not None
    assert plan.serve.chain == OLD_ISSUER.certificate_pem
    step = trust.plan(State(material(ours=False, ca=OLD.certificate_pem)), LIVES, NOW).step
    assert isinstance(step, Publish)
    assert step.bundle.text == OLD.certificate_pem


def test_given_is_announced_before_the_secret_comes() -> None:
    announced = Bundle("", ours=False, given=True)
    waiting = trust.plan(State(None, announced), LIVES, NOW)
    assert (waiting.step, waiting.serve) == (None, None)
    assert "must be given too; it is missing" in waiting.refused
    step = trust.plan(State(material(ours=False, ca=OLD.certificate_pem), announced), LIVES, NOW).step
    assert isinstance(step, Publish)
    published = replace(step.bundle, given=True)
    assert trust.plan(State(GIVEN, published), LIVES, NOW).serve is not None
    # The Secret is gone again: still nothing of our own is made.
    assert trust.plan(State(None, published), LIVES, NOW).step is None


GIVEN = material(ours=False)
REFUSED: dict[str, tuple[State, datetime, str]] = {
    "given without bundle or ca.crt": (State(GIVEN), NOW, "has no ca.crt"),
    "given with an unreadable ca.crt": (State(material(ours=False, ca="x")), NOW, "not readable"),
    "a bundle is given, the issuer is not": (State(None, bundle(OLD, ours=False)), NOW, "must be given too"),
    "given, of another anchor": (State(GIVEN, bundle(OTHER, ours=False)), NOW, "does not chain"),
    "given, ended": (State(GIVEN, bundle(OLD, ours=False)), NOW + 366 * DAY, "ended at"),
    "given, of the future": (State(GIVEN, bundle(OLD, ours=False)), NOW - DAY, "is valid from"),
    "given, key of another": (
        State(replace(GIVEN, key=NEW_ISSUER.key_pem), bundle(OLD, ours=False)),
        NOW,
        "does not belong to its certificate",
    ),
    "the anchor's Secret is garbage": (State(None, None, Anchors("x", "y")), NOW, "trust-anchor"),
    "the anchor's key is another's": (
        State(None, None, Anchors(OLD.certificate_pem, NEW.key_pem)),
        NOW,
        "does not belong to its certificate",
    ),
    "our issuer, a bundle of the user's without our anchor": (
        State(material(), bundle(OTHER, ours=False), anchors()),
        NOW,
        "lacks our trust anchor",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_only_a_person_can_mend(case: str) -> None:
    state, now, words = REFUSED[case]
    plan = trust.plan(state, LIVES, now)
    assert plan.step is None
    assert plan.serve is None
    assert words in plan.refused


def test_lives() -> None:
    assert OLD.certificate.not_valid_after_utc == NOW + timedelta(days=3650)
    assert OLD_ISSUER.certificate.not_valid_after_utc == NOW + timedelta(days=365)
    short = anchor(lives=Lives(anchor=timedelta(hours=1)))
    assert issuer(short).certificate.not_valid_after_utc == NOW + timedelta(hours=1)
