"""The traces that are kept: bounded, by id, without what must not be in them."""

from linkerd_contract.codec import decode
from linkerd_contract.explain import DecisionStep, DecisionTrace, tag_of
from linkerd_proxy.telemetry.decisions import CAPACITY, MAX_STEPS, MAX_TEXT, Decisions


def trace(**more: object) -> DecisionTrace:
    return DecisionTrace(**({"id": "", "time": "", "direction": "outbound", "code": "failfast"} | more))  # type: ignore[arg-type]


def test_a_trace_is_found_by_its_id() -> None:
    decisions = Decisions("0af7651c", lambda: 1_700_000_000.25)
    first, second = decisions.record(trace(code="a")), decisions.record(trace(code="b"))
    assert (first, second) == ("0af7651c-0001", "0af7651c-0002")
    assert tag_of(first) == "0af7651c"
    kept = decode(decisions.get(first) or b"", DecisionTrace)
    assert (kept.id, kept.code, kept.time) == (first, "a", "2023-11-14T22:13:20.250Z")


def test_the_last_ones_are_kept_and_no_id_comes_twice() -> None:
    decisions = Decisions("0af7651c")
    ids = [decisions.record(trace()) for _ in range(CAPACITY + 5)]
    assert len(set(ids)) == CAPACITY + 5
    assert decisions.get(ids[4]) is None
    for identifier in (ids[5], ids[-1]):
        assert decode(decisions.get(identifier) or b"", DecisionTrace).id == identifier
    listed = decode(decisions.all(), list[DecisionTrace])
    assert [one.id for one in listed] == ids[:4:-1]


def test_what_is_no_id_of_ours_is_not_found() -> None:
    decisions = Decisions("0af7651c")
    decisions.record(trace())
    for text in (
        "",
        "x",
        "0af7651c-",
        "0af7651c-0000",
        "0af7651c-0002",
        "deadbeef-0001",
        "0af7651c--001",
        "0af7651c-é",
    ):
        assert decisions.get(text) is None, text
    assert Decisions().all() == b"[]"


def test_other_workers_count_elsewhere() -> None:
    decisions = Decisions("0af7651c", before=77 << 24)
    identifier = decisions.record(trace())
    assert identifier == "0af7651c-4d000001"
    assert decisions.get(identifier) is not None
    assert decisions.get("0af7651c-4d000000") is None


def test_traces_are_small_and_have_no_query() -> None:
    decisions = Decisions()
    long = "x" * 100_000
    steps = [DecisionStep("s", long, long)] * 1000
    identifier = decisions.record(trace(path=f"/a?token={long}", authority=long, method=long, peer=long, steps=steps))
    data = decisions.get(identifier)
    assert data is not None
    assert len(data) < (MAX_STEPS * 2 + 5) * (MAX_TEXT + 40)
    kept = decode(data, DecisionTrace)
    assert kept.path == "/a"
    assert len(kept.authority) == MAX_TEXT
