"""Secret linkerd-config-overrides: what an installation was asked for, so that `upgrade` asks for the same again."""

import base64
import binascii
import json
from typing import NamedTuple

from linkerd_cli.errors import CliError
from linkerd_cli.install.survey import PART_OF
from linkerd_cli.tree import JsonObject, mapping, text
from linkerd_contract import names

SECRET = "linkerd-config-overrides"  # noqa: S105 - an object's name


class Overrides(NamedTuple):
    """`assignments` as --set takes them; `registry` "" for ours."""

    assignments: list[str]
    registry: str = ""
    ha: bool = False

    @property
    def empty(self) -> bool:
        """Nothing was asked for."""
        return not (self.assignments or self.registry or self.ha)

    def and_then(self, later: "Overrides") -> "Overrides":
        """What is asked for later wins."""
        return Overrides([*self.assignments, *later.assignments], later.registry or self.registry, self.ha or later.ha)


def secret(overrides: Overrides, namespace: str) -> JsonObject:
    """To be stored."""
    document = {"ha": overrides.ha, "registry": overrides.registry, "set": overrides.assignments}
    encoded = base64.b64encode(json.dumps(document, sort_keys=True).encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": SECRET,
            "namespace": namespace,
            "labels": {
                PART_OF: "linkerd",
                names.LABEL_CONTROL_PLANE_COMPONENT: "controller",
                names.LABEL_CONTROL_PLANE_NS: namespace,
            },
        },
        "type": "Opaque",
        "data": {SECRET: encoded},
    }


def read(stored: JsonObject) -> Overrides:
    """Raises CliError."""
    try:
        document = json.loads(base64.b64decode(text(mapping(stored, "data"), SECRET), validate=True))
        assignments, registry, ha = document["set"], document["registry"], document["ha"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise CliError(f"Secret {SECRET} cannot be read: {error}") from error
    if not (isinstance(assignments, list) and isinstance(registry, str) and isinstance(ha, bool)):
        raise CliError(f"Secret {SECRET} cannot be read")
    return Overrides([str(item) for item in assignments], registry, ha)
