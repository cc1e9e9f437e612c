import asyncio

from linkerd_proxy.transport.turn import Turn


class Connection:
    def __init__(self, turn: Turn, log: list[str], name: str) -> None:
        self.turn, self.log, self.name = turn, log, name
        self.again = False

    def flush(self) -> None:
        self.log.append(self.name)
        if self.again:
            self.again = False
            self.turn.mark(self)


async def test_all_that_was_marked_is_flushed_once_after_the_turn() -> None:
    log: list[str] = []
    turn = Turn(asyncio.get_running_loop())
    a, b = Connection(turn, log, "a"), Connection(turn, log, "b")
    turn.mark(a)
    turn.mark(b)
    assert log == []
    await asyncio.sleep(0)
    assert log == ["a", "b"]


async def test_what_a_flush_produces_is_the_next_turns() -> None:
    log: list[str] = []
    turn = Turn(asyncio.get_running_loop())
    a = Connection(turn, log, "a")
    a.again = True
    turn.mark(a)
    await asyncio.sleep(0)
    assert log == ["a"]
    await asyncio.sleep(0)
    assert log == ["a", "a"]


async def test_the_clock_is_read_on_demand() -> None:
    turn = Turn(asyncio.get_running_loop())
    before = turn.now
    assert turn.read() >= before
    assert turn.now >= before


async def test_long_work_is_done_one_a_turn() -> None:
    log: list[str] = []
    loop = asyncio.get_running_loop()
    turn = Turn(loop)

    def begin() -> None:
        for name in "abc":
            turn.alone(lambda name=name: log.append(name))  # type: ignore[misc]

    def pass_by() -> None:
        log.append("|")
        if len(log) < 8:
            loop.call_soon(pass_by)

    begin()
    assert log == ["a"]
    pass_by()
    while len(log) < 8:
        await asyncio.sleep(0)
    assert "".join(log).replace("||", "|").startswith("a|b|c|")
    log.clear()
    begin()
    assert log == ["a"]
