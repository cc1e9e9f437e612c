"""Who leads: transcripts of what is read, with a clock of the test's own."""

from linkerd_kube.election import Create, Election, Record, Take, Wait


def record(holder: str, renewed: str = "t0", version: str = "1", duration: float = 15, transitions: int = 3) -> Record:
    return Record(holder, renewed, duration, transitions, version)


def test_nobody_has_it() -> None:
    election = Election("me", 2)
    assert election.decide(None, 0) == Create()
    assert election.decide(record(""), 1) == Take("1", 4)


def test_renewal_does_not_count_as_a_transition() -> None:
    assert Election("me", 2).decide(record("me", version="9"), 0) == Take("9", 3)


def test_a_living_holder_is_waited_for() -> None:
    election = Election("me", 2)
    for second in range(60):
        assert election.decide(record("other", renewed=f"t{second}"), second) == Wait(2)
    assert election.holder == "other"


def test_a_dead_holder_is_replaced_by_our_clock_alone() -> None:
    election = Election("me", 2)
    assert election.decide(record("other", renewed="2001-01-01"), 100) == Wait(2)
    assert election.decide(record("other", renewed="2001-01-01"), 114) == Wait(1)
    assert election.decide(record("other", renewed="2001-01-01"), 115) == Take("1", 4)


def test_a_new_holder_gets_its_whole_time() -> None:
    election = Election("me", 2)
    election.decide(record("a"), 0)
    assert election.decide(record("b"), 14.9) == Wait(2)
    assert election.decide(record("b"), 29.8) == Wait(0.09999999999999787)
    assert isinstance(election.decide(record("b"), 29.9), Take)


def test_won() -> None:
    election = Election("me", 2)
    election.decide(None, 0)
    assert election.holder == ""
    election.won()
    assert election.holder == "me"
