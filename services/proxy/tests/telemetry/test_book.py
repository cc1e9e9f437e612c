"""The book: one count, summed by place; limit and eviction without counters that fall."""

from collections.abc import Mapping

from linkerd_proxy.errors import ConnectFailed, StreamReset
from linkerd_proxy.telemetry.book import BOUNDS_MS, LATENCY_MS, MAX_ENDINGS, Book, Cell, Ending, Responses


class Recorded:
    """A view that keeps what it is given."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, bool], Cell] = {}

    def write(self, out: list[str], sums: Mapping[tuple[str, bool], Cell]) -> None:
        self.sums = dict(sums)

    def requests(self) -> dict[tuple[str, bool], int]:
        return {key: cell.requests for key, cell in self.sums.items()}


def test_latency_buckets_are_linkerds() -> None:
    assert LATENCY_MS[:6] == (1, 2, 3, 4, 5, 10)
    assert LATENCY_MS[-5:] == (10_000, 20_000, 30_000, 40_000, 50_000)
    assert len(LATENCY_MS) == 25
    assert set(LATENCY_MS) <= set(BOUNDS_MS)


def test_cells_add_up_by_place() -> None:
    fine, coarse = Recorded(), Recorded()
    book = Book({"fine": fine, "coarse": coarse})
    for name, grpc, count in (("a", False, 1), ("b", False, 2), ("c", True, 4)):
        book.cell(("fine", name), ("coarse", "all"), grpc=grpc).requests += count
    assert book.cell(("fine", "a"), ("coarse", "all"), grpc=False).requests == 1
    book.write([])
    assert fine.requests() == {("a", False): 1, ("b", False): 2, ("c", True): 4}
    assert coarse.requests() == {("all", False): 3, ("all", True): 4}


def test_endings() -> None:
    cell = Cell()
    cell.responses(200, True).observe(1)
    assert cell.responses(200, True) is cell.responses(200, True)
    cell.responses(502, False, None, ConnectFailed()).observe(1)
    cell.responses(502, False, None, StreamReset(8)).observe(1)
    assert [ending for ending, _ in cell.endings()] == [
        Ending(200, True),
        Ending(502, False, None, "i/o", "IO"),
        Ending(502, False, None, "h2(CANCEL)", "CANCEL"),
    ]


def test_what_peers_invent_is_bounded() -> None:
    cell = Cell()
    for status in range(600, 1000):
        cell.responses(status, False, status).observe(1)
    assert [ending for ending, _ in cell.endings()] == [Ending(-1, False, -1)]
    for status in range(100, 600):
        cell.responses(status, False).observe(1)
    assert len(cell.endings()) <= MAX_ENDINGS + 1
    assert cell.events() == 900


def test_time_from_the_requests_end() -> None:
    responses = Responses()
    responses.observe(30)
    assert responses.since_request_end() == (responses.counts, 30)
    responses.observe(30, 4)
    counts, total = responses.since_request_end()
    assert total == 34
    assert (counts[BOUNDS_MS.index(30)], counts[BOUNDS_MS.index(4)], sum(counts)) == (1, 1, 2)
    both = Responses()
    both.add(responses)
    both.add(responses)
    assert both.since_request_end()[1] == 68


def test_beyond_the_limit_nothing_is_kept() -> None:
    refused: list[str] = []
    view = Recorded()
    book = Book({"v": view}, refused.append)
    book.limit = 2
    for name in "abc":
        book.cell(("v", name), grpc=False).requests += 1
    book.write([])
    assert set(view.requests()) == {("a", False), ("b", False)}
    assert refused == ["request_total"]


def test_idle_cells_go_and_sums_never_fall() -> None:
    fine, coarse = Recorded(), Recorded()
    book = Book({"fine": fine, "coarse": coarse})
    held = book.cell(("fine", "held"), ("coarse", "all"), grpc=False)
    held.requests += 1
    idle = book.cell(("fine", "idle"), ("coarse", "all"), grpc=False)
    idle.requests += 2
    idle.responses(200, True).observe(5, 1)
    idle.response_frames.observe(1000)
    del idle
    assert book.evict(0, 600) == 0
    assert book.evict(599, 600) == 0
    assert book.evict(600, 600) == 1
    book.write([])
    assert fine.requests() == {("held", False): 1}
    assert coarse.requests() == {("all", False): 3}
    assert coarse.sums["all", False].endings()[0][1].since_request_end()[1] == 1
    assert coarse.sums["all", False].response_frames.sum == 1000
    # The same cell again begins at nothing, and the sum goes on.
    book.cell(("fine", "idle"), ("coarse", "all"), grpc=False).requests += 1
    book.write([])
    assert coarse.requests() == {("all", False): 4}
    del held
    for now in (1000, 2000):
        book.evict(now, 600)
    book.write([])
    assert (len(book), coarse.requests(), book._evicted) == (0, {}, {})


def test_a_cell_that_counts_stays() -> None:
    book = Book({"v": Recorded()})
    for now in range(0, 6000, 300):
        book.cell(("v", "a"), grpc=False).requests += 1
        assert book.evict(now, 600) == 0
