"""Classification: Linkerd's."""

import pytest

from linkerd_contract.matching import ResponseClass, ResponseCondition, StatusRange
from linkerd_rules.policy.classify import Classifier


@pytest.mark.parametrize(
    ("status", "grpc_status", "is_grpc", "success"),
    [
        (200, None, False, True),
        (404, None, False, True),
        (499, None, False, True),
        (500, None, False, False),
        (503, None, False, False),
        (200, 2, False, True),
        (200, None, True, True),
        (503, None, True, False),
        *[(200, code, True, code not in (2, 4, 7, 13, 14, 15)) for code in range(17)],
    ],
)
def test_without_classes(status: int, grpc_status: int | None, is_grpc: bool, success: bool) -> None:
    assert Classifier([]).success(status, grpc_status, is_grpc) is success


def within(low: int, high: int) -> ResponseCondition:
    return ResponseCondition(status=StatusRange(low, high))


def test_the_first_class_that_matches_decides() -> None:
    classifier = Classifier(
        [
            ResponseClass(within(404, 404), is_failure=True),
            ResponseClass(within(503, 503), is_failure=False),
            ResponseClass(within(500, 599), is_failure=True),
        ]
    )
    for _ in range(2):  # the second time from memory
        assert not classifier.success(404, None, False)
        assert classifier.success(503, None, False)
        assert not classifier.success(500, 0, True)
        assert classifier.success(200, None, False)
        assert not classifier.success(200, 14, True)


@pytest.mark.parametrize(
    ("condition", "status", "matches"),
    [
        (ResponseCondition(), 200, True),
        (ResponseCondition(not_=within(200, 299)), 200, False),
        (ResponseCondition(not_=within(200, 299)), 300, True),
        (ResponseCondition(all=[within(200, 299), within(204, 204)]), 204, True),
        (ResponseCondition(all=[within(200, 299), within(204, 204)]), 200, False),
        (ResponseCondition(any=[within(404, 404), within(500, 599)]), 404, True),
        (ResponseCondition(any=[within(404, 404), within(500, 599)]), 403, False),
        (ResponseCondition(status=StatusRange(200, 299), not_=within(204, 204)), 204, False),
    ],
)
def test_conditions(condition: ResponseCondition, status: int, matches: bool) -> None:
    assert Classifier([ResponseClass(condition, is_failure=True)]).success(status, None, False) is (
        not matches and status < 500
    )
