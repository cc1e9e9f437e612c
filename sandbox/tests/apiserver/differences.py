"""What two API servers answer to the same requests, and in what the answers differ. For test_differential."""

import copy
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

MEDIA = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
Ask = Callable[[str, str, object, str], Awaitable[tuple[int, Any]]]
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")
_REVISION = re.compile(r'(ResourceVersion in record \()\d+|("resourceVersion": ?")\d+')
_GO_STRUCT = re.compile(
    r"(Invalid|Duplicate) value: "
    r"(?:[\w.\[\]]*\(nil\)|[\w.*\[\]]*\{.*\}|map\[string\]interface \{\}\{.*\}|\[.*?\]|\"\{.*\}\"|\"map\[.*\]\")(: |$)",
    re.DOTALL,
)
_CHANCE = ("uid", "resourceVersion", "creationTimestamp", "selfLink")
_HANDED_OUT = ("clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort")


class Step(NamedTuple):
    """One request."""

    method: str
    path: str
    body: object
    media: str
    wait: bool
    """Whether it defines a kind whose being served has to be waited for."""
    ours: dict[str, Any] | None
    """What ours answers where it answers otherwise."""


def steps(scenario: list[Any], namespace: str) -> list[Step]:
    """The requests of a scenario in that namespace."""
    found: list[Step] = []
    for entry in scenario:
        whole = entry if isinstance(entry, dict) else {"do": entry}
        method, path, *rest = _filled(whole["do"], namespace)
        word = rest[1] if len(rest) > 1 else ""
        media = MEDIA.get(word, f"application/{word}" if method == "PATCH" else "application/json")
        where = path if path.startswith("/") else f"/api/v1/namespaces/{namespace}/{path}"
        found.append(Step(method, where, rest[0] if rest else None, media, word == "established", whole.get("ours")))
    return found


def _filled(value: Any, namespace: str) -> Any:
    if isinstance(value, str):
        return value.replace("{ns}", namespace)
    if isinstance(value, list):
        return [_filled(item, namespace) for item in value]
    if isinstance(value, dict):
        return {_filled(key, namespace): _filled(item, namespace) for key, item in value.items()}
    return value


def comparable(code: int, body: Any, *, owners: bool) -> dict[str, Any]:
    """An answer without what chance decides; field owners only where they are asked for."""
    if isinstance(body, str):
        return {"code": code, "body": body}
    body = copy.deepcopy(body) if isinstance(body, dict) else {"body": body}
    if body.get("kind") == "Status":
        kept = {key: body[key] for key in ("reason", "message", "status") if key in body}
        causes = [
            {**cause, "message": _cause(cause.get("message", ""))}
            for cause in (body.get("details") or {}).get("causes") or []
        ]
        kept.setdefault("message", "")
        if causes and " is invalid: " in kept["message"]:  # the causes again, in the order in which they were found
            kept["message"] = kept["message"].partition(" is invalid: ")[0]
        if " cannot be handled as a " in kept["message"]:  # what follows is the JSON library's
            kept["message"] = re.sub(r"( cannot be handled as a \w+).*", r"\1", kept["message"], flags=re.DOTALL)
        if any(cause.get("field") == "patch" for cause in causes):  # what follows is the JSON library's
            causes = [{"field": "patch", "reason": cause["reason"], "message": ""} for cause in causes]
        causes = [cause for index, cause in enumerate(causes) if cause not in causes[:index]]
        kept["message"] = kept["message"].partition(" an error in our request")[0]  # ours says which error
        causes.sort(key=lambda cause: (cause.get("field", ""), cause["message"]))
        return _plain({"code": code, **kept, **({"causes": causes} if causes else {})})
    return _plain({"code": code, **_object(body, owners=owners)})


def _cause(message: str) -> str:
    """Structs are shown as Go prints them, or as JSON; and the list of what a pod's update may change has grown."""
    message = _GO_STRUCT.sub(r"\1 value: STRUCT\2", message)
    return message.partition(" other than ")[0] if message.startswith("Forbidden: pod updates") else message


def _object(body: dict[str, Any], *, owners: bool) -> dict[str, Any]:
    meta = body.get("metadata")
    if isinstance(meta, dict):
        for key in _CHANCE:
            meta.pop(key, None)
        managed = meta.pop("managedFields", None) or []
        if owners:
            for entry in managed:
                entry.pop("time", None)
                entry.pop("fieldsType", None)
            meta["managedFields"] = sorted(managed, key=lambda one: (one["manager"], one["operation"]))
    if isinstance(body.get("items"), list):
        body["items"] = [_object(item, owners=owners) for item in body["items"]]
    return body


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """The answer with what chance decides replaced, and without what is empty."""
    found = _without_chance(value)
    assert isinstance(found, dict)
    return found


def _without_chance(value: Any) -> Any:
    if isinstance(value, str):
        text = _VOLUME.sub("kube-api-access-X", _TIME.sub("TIME", _UID.sub("UID", value)))
        return _REVISION.sub(r"\1\2N", text)
    if isinstance(value, list):
        return [_without_chance(item) for item in value]
    if isinstance(value, dict):
        found = {
            key: "given" if key in _HANDED_OUT and item not in ("None", ["None"], "") else _without_chance(item)
            for key, item in value.items()
            if item not in (None, {}, [])
        }
        return {key: item for key, item in found.items() if item != {}}
    return value


def differences(real: Any, ours: Any, path: str = "") -> list[str]:
    """Paths at which two answers differ, with both values."""
    if isinstance(real, dict) and isinstance(ours, dict):
        keys = [*real, *(key for key in ours if key not in real)]
        return [
            line
            for key in keys
            for line in differences(real.get(key), ours.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(real, list) and isinstance(ours, list) and len(real) == len(ours):
        return [
            line
            for index, (one, other) in enumerate(zip(real, ours, strict=True))
            for line in differences(one, other, f"{path}[{index}]")
        ]
    return [] if real == ours else [f"{path}: real {real!r}, ours {ours!r}"]
