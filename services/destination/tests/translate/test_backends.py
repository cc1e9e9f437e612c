"""Backends of a document, and the weights of splits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.destination.tests.world import World

from linkerd_contract.outbound import BackendStatus
from linkerd_contract.resource import ResourceRef
from linkerd_destination.translate.backends import Backends, service_ref, shares
from linkerd_destination.translate.endpoints import Caller


def backends(text: str = "") -> Backends:
    return Backends(World(text).index.view(), Caller("ns"), None)


def test_a_leaf_that_is_not_there_is_empty_and_a_backend_that_is_not_there_is_missing() -> None:
    made = backends()
    assert made.found[made.leaf("ns", "a", 80)].status is BackendStatus.ok
    missing = made.missing(ResourceRef(group="core", kind="Service", namespace="ns", name="a", port=80))
    assert made.found[missing].status is BackendStatus.missing
    assert len(made.found) == 2


def test_an_external_name_is_no_leaf() -> None:
    made = backends("kind: Service\nmetadata: {name: a}\nspec: {type: ExternalName}")
    assert made.found[made.leaf("ns", "a", 80)].endpoints == []


def test_an_alias_is_the_same_backend() -> None:
    made = backends()
    ref = made.leaf("ns", "a", 80)
    assert made.found[made.alias(ref, "other")] is made.found[ref]
    assert made.found[ref].resource == service_ref("ns", "a", 80)


@pytest.mark.parametrize(
    ("milli", "expected"),
    [
        ([("a", 80_000), ("b", 20_000)], [("a", 80), ("b", 20)]),
        ([("a", 500), ("b", 500)], [("a", 1), ("b", 1)]),
        ([("a", 1000), ("a", 1000)], [("a", 2)]),
        ([], []),
    ],
)
def test_shares(milli: list[tuple[str, int]], expected: list[tuple[str, int]]) -> None:
    assert [(one.ref, one.weight) for one in shares(milli)] == expected


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_shares_keep_their_proportions(weights: list[int]) -> None:
    found = shares([(str(n), weight) for n, weight in enumerate(weights)])
    assert all(one.weight * weights[0] == found[0].weight * weight for one, weight in zip(found, weights, strict=True))
