"""What all ServiceProfiles that are made here have in common. PURE."""

import re
from collections.abc import Iterable

from linkerd_cli.tree import JsonObject

_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


def service_profile(full_name: str, namespace: str, routes: Iterable[JsonObject]) -> JsonObject:
    """The ServiceProfile of the service called `full_name`."""
    return {
        "apiVersion": "linkerd.io/v1alpha2",
        "kind": "ServiceProfile",
        "metadata": {"name": full_name, "namespace": namespace},
        "spec": {"routes": list(routes)},
    }


def quoted(text: str) -> str:
    """A regular expression (RE2) that matches this text alone, as Go's regexp.QuoteMeta writes it."""
    return _SPECIAL.sub(r"\\\g<0>", text)
