"""The table of kinds against what Kubernetes calls them."""

import pytest

from linkerd_kube import Resource, resources

KINDS = [value for value in vars(resources).values() if isinstance(value, Resource)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_plural_is_the_kinds(kind: Resource) -> None:
    singular = kind.kind.lower()
    assert kind.plural in (singular + "s", singular, singular + "es", singular[:-1] + "ies")


def test_every_kind_is_addressed_once() -> None:
    assert len({kind.path() for kind in KINDS}) == len(KINDS)
