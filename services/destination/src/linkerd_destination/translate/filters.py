"""PURE: filters of routes, references resolved."""

from collections.abc import Iterable

from linkerd_contract.matching import Filter, FilterType
from linkerd_destination.index.state import View
from linkerd_rules.validation.filters import FilterRef

# What cannot be carried out answers 500: leaving a fault out unseen would be worse.
_BROKEN = Filter(type=FilterType.unknown)


def resolve_filters(view: View, namespace: str, filters: Iterable[Filter | FilterRef]) -> list[Filter]:
    """Filters in their order; a FaultInjection that is not there makes the route answer 500."""
    found: list[Filter] = []
    for one in filters:
        if isinstance(one, Filter):
            found.append(one)
            continue
        fault = view.fault(namespace, one.name)
        found += [_BROKEN] if fault is None else fault.filters
    return found
