"""Success or failure of a response.

gRPC (the request's content-type begins with application/grpc) goes by grpc-status, in headers or trailers; absent is
success unless the HTTP status fails. Other requests fail with 5xx. A route's response classes come first.
"""

from linkerd_contract.matching import ResponseClass, ResponseCondition

GRPC_FAILURES = frozenset({2, 4, 7, 13, 14, 15})
"""unknown, deadline-exceeded, permission-denied, internal, unavailable, data-loss (Linkerd)."""


def default_success(status: int, grpc_status: int | None, is_grpc: bool) -> bool:
    """Classification without response classes."""
    if is_grpc and grpc_status is not None:
        return grpc_status not in GRPC_FAILURES
    return status < 500


def matches(condition: ResponseCondition, status: int) -> bool:
    """Whether a response's status meets a condition; its fields are ANDed."""
    if condition.status is not None and not condition.status.min <= status <= condition.status.max:
        return False
    if condition.not_ is not None and matches(condition.not_, status):
        return False
    if not all(matches(child, status) for child in condition.all):
        return False
    return not condition.any or any(matches(child, status) for child in condition.any)


class Classifier:
    """The response classes of one route, with the verdict of each status remembered."""

    __slots__ = ("_classes", "_known")

    def __init__(self, classes: list[ResponseClass]) -> None:
        self._classes = classes
        self._known: dict[int, bool | None] = {}

    def success(self, status: int, grpc_status: int | None, is_grpc: bool) -> bool:
        """Whether the response was a success."""
        if self._classes:
            by_class = self._known[status] if status in self._known else self._classify(status)
            if by_class is not None:
                return by_class
        return default_success(status, grpc_status, is_grpc)

    def _classify(self, status: int) -> bool | None:
        verdict: bool | None = None
        for response_class in self._classes:
            if matches(response_class.condition, status):
                verdict = not response_class.is_failure
                break
        if 100 <= status <= 599:
            self._known[status] = verdict
        return verdict
