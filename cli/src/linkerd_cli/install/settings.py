"""`--set KEY=VALUE` on the values of an installation. PURE.

The document in ConfigMap linkerd-config is the list of keys that there are: a key that is not in it would change
nothing, and is refused.
"""

import difflib
import json
from collections.abc import Iterator

from linkerd_cli.errors import UsageError
from linkerd_cli.tree import JsonObject

# Keys that are not in use yet: setting them would promise what does not happen.
NOT_IMPLEMENTED: dict[str, tuple[object, ...]] = {
    "cniEnabled": (True,),
    "identity.serviceAccountTokenProjection": (False,),
}


def parse_assignments(assignments: list[str]) -> Iterator[tuple[str, str]]:
    """KEY=VALUE, several of them separated by commas (a comma inside a value is written `\\,`, as in Helm)."""
    for argument in assignments:
        for part in argument.replace("\\,", "\0").split(","):
            key, equals, value = part.replace("\0", ",").partition("=")
            if not equals or not key.strip():
                raise UsageError(f"--set {argument}: write KEY=VALUE, such as proxy.logLevel=debug")
            yield key.strip(), value


def apply(values: JsonObject, assignments: list[str]) -> None:
    """Set each key in place, converted to the type that it has. Raises UsageError."""
    known = list(_leaves(values, ""))
    for key, text in parse_assignments(assignments):
        *parents, leaf = key.split(".")
        target: object = values
        for parent in parents:
            target = target.get(parent) if isinstance(target, dict) else None
        if not isinstance(target, dict) or leaf not in target or isinstance(target[leaf], dict):
            near = difflib.get_close_matches(key, known, 1)
            raise UsageError(f"--set {key}: no such value" + (f"; did you mean {near[0]}?" if near else ""))
        target[leaf] = _convert(key, text, target[leaf])
        if key in NOT_IMPLEMENTED and target[leaf] in NOT_IMPLEMENTED[key]:
            raise UsageError(f"--set {key}={text}: not implemented")


def _leaves(values: JsonObject, prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _convert(key: str, text: str, current: object) -> object:
    if isinstance(current, bool):
        if text not in ("true", "false"):
            raise UsageError(f"--set {key}={text}: must be true or false")
        return text == "true"
    if isinstance(current, int):
        try:
            return int(text)
        except ValueError:
            raise UsageError(f"--set {key}={text}: must be a whole number") from None
    return text


def differences(base: JsonObject, values: JsonObject, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted keys whose value is another than in `base`, with that value; keys that `base` lacks are left out."""
    for key, value in base.items():
        found = values.get(key)
        if isinstance(value, dict) and isinstance(found, dict):
            yield from differences(value, found, f"{prefix}{key}.")
        elif key in values and found != value:
            yield f"{prefix}{key}", found


def dump(values: JsonObject) -> str:
    """As the ConfigMap holds it."""
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
