"""From the JSON of custom resources to the index's objects, by the readers that admission uses too.

A ValueError means that the object cannot be used; what admission alone minds (an unknown field) is passed over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from linkerd_destination.index.objects import Object
from linkerd_kube import Resource, resources
from linkerd_rules.validation.meta import Reading
from linkerd_rules.validation.profile import Profile, read_service_profile
from linkerd_rules.validation.split import Split, read_traffic_split

T = TypeVar("T", bound=Object)


@dataclass(frozen=True, slots=True)
class Custom:
    """One kind. `alternatives` are versions to read it at where the cluster does not serve the first."""

    resource: Resource
    type: type[Any]
    decode: Callable[[bytes], Object]
    alternatives: tuple[Resource, ...] = ()

    @property
    def name(self) -> str:
        """Of its cache, for /ready."""
        return str(self.resource)


def _kind(resource: Resource, kind: type[T], read: Callable[[object], Reading[T]], *alternatives: Resource) -> Custom:
    def decode(raw: bytes) -> T:
        return read(msgspec.json.decode(raw)).usable()

    return Custom(resource, kind, decode, alternatives)


KINDS: tuple[Custom, ...] = (
    _kind(resources.SERVICE_PROFILES, Profile, read_service_profile),
    _kind(resources.TRAFFIC_SPLITS, Split, read_traffic_split, resources.TRAFFIC_SPLITS_V1ALPHA1),
)
"""Every custom kind that discovery follows."""
