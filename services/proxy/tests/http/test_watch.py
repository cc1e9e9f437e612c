"""Watching an exchange changes nothing of it, and its end is told once."""

from services.proxy.tests.http.recording import Down, Observer, Up, exchange

from linkerd_proxy.addrs import ClientAddr
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import ConnectFailed, ConnectionLost, ProxyError
from linkerd_proxy.http.exchange import RESPONSE_STARTED, Exchange
from linkerd_proxy.http.watch import Facts, Hooks, Watch
from linkerd_runtime.settings import Addr

OK: Headers = [(b":status", b"200")]
TO = Addr("10.0.0.1", 80)


class Seen(Watch):
    def __init__(self, x: Exchange) -> None:
        super().__init__(x)
        self.log: list[object] = []

    def started(self, x: Exchange, head: Headers) -> None:
        self.log.append(head)

    def ended(self, x: Exchange, trailers: Headers) -> None:
        self.log.append(("ended", type(self.error), trailers))

    def lost(self, x: Exchange, error: ProxyError | None) -> None:
        self.log.append(("lost", type(error)))


def watched() -> tuple[Exchange, Down, Observer, Seen]:
    down, observer = Down(), Observer()
    x = exchange(down=down)
    x.observer = observer
    return x, down, observer, Seen(x)


def test_everything_is_passed_on() -> None:
    x, down, observer, seen = watched()
    x.down.inform(x, [(b":status", b"103")])
    x.down.consumed(x, 3)
    x.down.respond(x, x.observer.response_head(x, OK), False)
    x.observer.first_data(x)
    x.down.send(x, b"abc", False)
    x.observer.response_end(x, [])
    x.down.close_after(x)
    x.down.trailers(x, [(b"t", b"1")])
    assert [entry[0] for entry in down.log] == ["inform", "consumed", "respond", "send", "close_after", "trailers"]
    assert [entry[0] for entry in observer.log] == ["head", "first data", "end"]
    assert (seen.request_bytes, seen.response_bytes) == (3, 3)
    assert seen.log == [OK, ("ended", type(None), [(b"t", b"1")])]
    assert x.down.source(x) == down.source(x)


def test_an_error_response_ends_it_once() -> None:
    x, down, observer, seen = watched()
    x.fail(ConnectFailed())
    assert observer.log == [("failed", ConnectFailed)]
    assert [entry[0] for entry in down.log] == ["close_after", "respond"]
    assert seen.log[0] == ("lost", ConnectFailed)
    assert seen.log[2:] == [("ended", ConnectFailed, [])]


def test_an_early_end() -> None:
    x, down, _, seen = watched()
    x.flags |= RESPONSE_STARTED
    x.fail(ConnectionLost())
    assert down.log == [("abort", ConnectionLost)]
    assert seen.log == [("lost", ConnectionLost), ("ended", ConnectionLost, [])]


def test_a_client_that_goes_away() -> None:
    x, _, observer, seen = watched()
    up = Up()
    x.up = up
    x.gone()
    assert observer.log == [("failed", None)]
    assert up.log == [("cancel",)]
    assert seen.log == [("lost", type(None)), ("ended", type(None), [])]


def test_hooks_come_and_go() -> None:
    class Looker:
        def hook(self, x: Exchange, facts: Facts) -> None: ...

    hooks, one, two = Hooks(), Looker(), Looker()
    hooks.add(one.hook)
    hooks.add(two.hook)
    assert (len(hooks.inbound), len(hooks.outbound)) == (2, 2)
    hooks.remove(one.hook)
    assert list(hooks.inbound) == [two.hook]
    hooks.remove(two.hook)
    assert not hooks.inbound
    assert not hooks.outbound


def test_the_client_of_either_direction() -> None:
    x = exchange()
    client = ClientAddr(Addr("10.0.0.3", 1))
    inbound = Facts(TO, source=client, source_labels={}, destination_labels={}, route_labels={})
    assert inbound.client(x) == client
    assert inbound.inbound
    outbound = Facts(TO, source_labels={}, destination_labels={}, route_labels={})
    assert not outbound.inbound
    assert outbound.client(x) == x.down.source(x)
