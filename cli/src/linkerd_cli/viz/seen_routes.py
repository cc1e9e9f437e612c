"""Routes of a ServiceProfile from requests that a tap has seen, as Linkerd makes them. PURE."""

from linkerd_cli.profile.document import quoted
from linkerd_cli.tree import JsonObject
from linkerd_contract.tap import TapDirection, TapEvent


class SeenRoutes:
    """At most `limit` of them, the first that came: a path with an id in it would never end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[tuple[str, str]] = set()

    @property
    def full(self) -> bool:
        """Whether no other route would be kept."""
        return len(self._seen) >= self._limit

    def add(self, event: TapEvent) -> None:
        """Requests that the tapped resource takes count, by method and path without its query; "/" is no route."""
        init = event.request_init
        if init is None or event.direction is not TapDirection.inbound or self.full:
            return
        path = init.path.partition("?")[0]
        if path.startswith("/") and path != "/":
            self._seen.add((path, init.method))

    def routes(self) -> list[JsonObject]:
        """In the order of paths."""
        return [
            {"name": f"{method} {path}", "condition": {"method": method, "pathRegex": quoted(path)}}
            for path, method in sorted(self._seen)
        ]
