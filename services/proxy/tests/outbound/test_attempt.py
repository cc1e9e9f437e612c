"""Attempts: errors go to the request that made them, once; what is given up is cancelled and booked once."""

from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import ConnectFailed, ProxyError
from linkerd_proxy.http.exchange import CLOSED, GONE, Exchange, Way
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.outbound.attempt import Attempt


class Books:
    """Observer and connection in one."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def response_head(self, x: Exchange, head: Headers) -> Headers:
        return head

    def first_data(self, x: Exchange) -> None:
        self.said.append("first data")

    def response_end(self, x: Exchange, trailers: Headers | None) -> None:
        self.said.append("response end")

    def failed(self, x: Exchange, error: ProxyError | None) -> None:
        self.said.append(f"failed {error}")

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        self.said.append("send")

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        self.said.append("trailers")

    def cancel(self, x: Exchange) -> None:
        self.said.append("cancel")

    def consumed(self, x: Exchange, count: int) -> None:
        self.said.append("consumed")

    def explain(self, x: Exchange) -> Way:
        return Way()


class Failures:
    """Managed, as far as an attempt's errors go."""

    def __init__(self) -> None:
        self.errors: list[ProxyError] = []

    def failed(self, attempt: Attempt, error: ProxyError) -> None:
        self.errors.append(error)


def attempt() -> tuple[Attempt, Books, Failures]:
    managed, books = Failures(), Books()
    made = Attempt(managed, RequestHead([(b":method", b"GET"), (b":path", b"/")]), 0, 0.0)  # type: ignore[arg-type]
    made.observer = made.up = books
    return made, books, managed


def test_an_error_is_told_once() -> None:
    made, books, managed = attempt()
    made.fail(ConnectFailed("no"))
    made.fail(ConnectFailed("no"))
    assert [str(error) for error in managed.errors] == ["no"]
    assert books.said == ["failed no"]


def test_giving_up_cancels() -> None:
    made, books, managed = attempt()
    made.abandon(None)
    made.abandon(None)
    assert books.said == ["failed None", "cancel"]
    assert made.down is GONE
    assert not managed.errors


def test_discarding_a_response_that_still_comes_books_it_and_cancels() -> None:
    made, books, _ = attempt()
    made.discard(complete=False)
    assert books.said == ["first data", "response end", "cancel"]


def test_discarding_a_complete_response_leaves_the_connection() -> None:
    made, books, _ = attempt()
    made.discard(complete=True)
    assert books.said == []
    assert made.flags & CLOSED
