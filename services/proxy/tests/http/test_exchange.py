from services.proxy.tests.http.recording import GET, Down, Observer, Up, exchange

from linkerd_proxy.errors import ConnectFailed, RouteNotFound, StreamReset
from linkerd_proxy.http.exchange import (
    CLOSED,
    GONE,
    NOWHERE,
    RESPONSE_ENDED,
    RESPONSE_STARTED,
    Exchange,
)

GRPC = [*GET, (b"content-type", b"application/grpc+proto")]


def parts(x: Exchange) -> tuple[Down, Observer]:
    assert isinstance(x.down, Down)
    x.observer = observer = Observer()
    return x.down, observer


def test_failing_before_the_response_answers_by_the_table() -> None:
    x = exchange()
    down, observer = parts(x)
    x.fail(ConnectFailed("refused"))
    assert observer.log == [("failed", ConnectFailed)]
    assert [entry[0] for entry in down.log] == ["close_after", "respond"]
    head = down.log[1][1]
    assert isinstance(head, list)
    assert (b":status", b"502") in head
    x.fail(ConnectFailed("again"))
    assert len(down.log) == 2


def test_an_error_that_keeps_the_connection() -> None:
    x = exchange()
    down, _ = parts(x)
    x.fail(RouteNotFound())
    assert [entry[0] for entry in down.log] == ["respond"]


def test_grpc_gets_a_status_and_http_200() -> None:
    x = exchange(GRPC)
    down, _ = parts(x)
    x.fail(RouteNotFound())
    head = down.log[0][1]
    assert isinstance(head, list)
    assert head[:3] == [(b":status", b"200"), (b"content-type", b"application/grpc"), (b"grpc-status", b"5")]


def test_failing_within_the_response_breaks_it_off() -> None:
    x = exchange()
    down, _ = parts(x)
    x.flags |= RESPONSE_STARTED
    x.fail(ConnectFailed())
    assert down.log == [("abort", ConnectFailed)]


def test_resets_go_on_as_resets() -> None:
    x = exchange()
    down, _ = parts(x)
    x.fail(StreamReset(8))
    assert down.log == [("abort", StreamReset)]


def test_a_failure_after_the_response_is_nobodys_concern() -> None:
    x = exchange()
    down, observer = parts(x)
    x.flags |= RESPONSE_STARTED | RESPONSE_ENDED
    x.fail(ConnectFailed())
    assert down.log == observer.log == []
    assert x.up is NOWHERE


def test_a_client_that_goes_away_cancels_once() -> None:
    x = exchange()
    _, observer = parts(x)
    x.up = up = Up()
    x.gone()
    x.gone()
    assert up.log == [("cancel",)]
    assert observer.log == [("failed", None)]
    assert x.down is GONE
    assert x.flags & CLOSED


def test_what_comes_before_a_connection_waits() -> None:
    x = exchange()
    x.up.send(x, b"one", False)
    x.up.send(x, b"", True)
    x.up.trailers(x, [(b"t", b"1")])
    assert x.waiting == [b"one", [(b"t", b"1")]]
    x.gone()
    assert x.waiting is None


def test_shared_ends_give_credit_back() -> None:
    x = exchange()
    down, _ = parts(x)
    x.fail(RouteNotFound())
    x.up.send(x, b"12345", False)
    assert down.log[-1] == ("consumed", 5)
    y = exchange()
    y.gone()
    y.up = up = Up()
    y.down.send(y, b"123", False)
    assert up.log == [("consumed", 3)]


def test_what_was_held_goes_back_to_who_sent_it() -> None:
    failed, left = exchange(), exchange()
    down, _ = parts(failed)
    failed.up_held = 30
    failed.fail(ConnectFailed())
    assert down.log[0] == ("consumed", 30)
    left.up = up = Up()
    left.down_held = 40
    left.gone()
    assert up.log == [("consumed", 40), ("cancel",)]
    assert (failed.up_held, left.down_held) == (0, 0)
