from linkerd_proxy.http.connections import Connections


class Connection:
    in_flight = 0

    def __init__(self, all_of_them: Connections, *, at_once: bool) -> None:
        self.all, self.at_once = all_of_them, at_once
        self.log: list[str] = []

    def drain(self) -> None:
        self.log.append("drain")
        if self.at_once:
            self.all.discard(self)

    def kill(self) -> None:
        self.log.append("kill")
        self.all.discard(self)


def test_a_drain_reaches_all_even_late_ones_and_ends_with_the_last() -> None:
    connections = Connections()
    quick, slow = Connection(connections, at_once=True), Connection(connections, at_once=False)
    connections.add(quick)
    connections.add(slow)
    empty: list[bool] = []
    connections.drain(lambda: empty.append(True))
    late = Connection(connections, at_once=False)
    connections.add(late)
    assert (quick.log, slow.log, late.log) == (["drain"], ["drain"], ["drain"])
    assert not empty
    assert len(connections) == 2
    connections.kill()
    assert late.log == ["drain", "kill"]
    assert empty


def test_nothing_to_drain() -> None:
    empty: list[bool] = []
    Connections().drain(lambda: empty.append(True))
    assert empty == [True]
