"""Which cells of the book count an observer's requests: one for HTTP, one for gRPC, each looked up once."""

from linkerd_proxy.http.exchange import GRPC, Exchange
from linkerd_proxy.telemetry.book import Book, Cell, Place


class Counting:
    """What the observers of both directions have in common."""

    __slots__ = ("_book", "_grpc", "_http", "_places")

    def __init__(self, book: Book, places: tuple[Place, ...]) -> None:
        self._book = book
        self._places = places
        self._http: Cell | None = None
        self._grpc: Cell | None = None

    def begin(self, x: Exchange) -> None:
        """Count a request; the pieces of its bodies will be counted too."""
        cell = self._grpc if x.flags & GRPC else self._http
        if cell is None:
            cell = self.cell(x)
        cell.requests += 1
        x.cell = cell

    def cell(self, x: Exchange) -> Cell:
        """Where requests like this one are counted."""
        grpc = x.flags & GRPC != 0
        cell = self._book.cell(*self._places, grpc=grpc)
        if grpc:
            self._grpc = cell
        else:
            self._http = cell
        return cell
