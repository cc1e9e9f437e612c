from services.proxy.tests.http.recording import GET, exchange

from linkerd_proxy.http.counting import Counting
from linkerd_proxy.http.exchange import UNCOUNTED
from linkerd_proxy.telemetry.metrics import LEGACY, Metrics


def test_requests_of_both_kinds_have_a_cell_each() -> None:
    book = Metrics().requests
    counting = Counting(book, ((LEGACY, 'a="1"'),))
    http, again = exchange(GET), exchange(GET)
    rpc = exchange([*GET, (b"content-type", b"application/grpc")])
    assert http.cell is UNCOUNTED
    for x in (http, again, rpc):
        counting.begin(x)
    assert http.cell is again.cell is counting.cell(http)
    assert http.cell is not rpc.cell
    assert (http.cell.requests, rpc.cell.requests, len(book)) == (2, 1, 2)
