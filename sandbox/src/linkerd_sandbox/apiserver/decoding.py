"""From the body of a request to an object of its kind: field validation, normal form, defaults. PURE."""

import re
from typing import NamedTuple

from linkerd_sandbox.apiserver import conversions, fieldcheck, structural
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, copy, encode, go_value
from linkerd_sandbox.apiserver.rules import Rules
from linkerd_sandbox.apiserver.schemas import of_kind
from linkerd_sandbox.apiserver.status import Cause, StatusError, bad_request, invalid

_LONGEST_SHOWN = 2000
_UNMARSHAL = re.compile(r"json: cannot unmarshal (\w+) ?(\S*) into Go struct field \S* of type (.+)")
_KINDS = {"array": "slice", "object": "map", "string": "string", "bool": "bool"}


class Patched(NamedTuple):
    """What a patch has made of an object, and the patch itself where it is a strategic one: refusals show that."""

    body: JsonObject
    strategic: JsonObject | None = None

    def refused(self, why: str) -> StatusError:
        """422: this is no object of its kind."""
        if self.strategic is not None:
            text, why = go_value(self.strategic), _unconvertible(why)
        else:
            text = encode(self.body).decode()
        if len(text) > _LONGEST_SHOWN:
            text = text[:_LONGEST_SHOWN] + "..."
        shown = encode(text).decode()  # JSON text in quotes, as Go's %q shows it
        return invalid("", "", "", [Cause("patch", "FieldValueInvalid", f"Invalid value: {shown}: {why}")])


def _unconvertible(why: str) -> str:
    """Strategic patches are put together as values, not as text: the converter's words for what JSON's decoder says.

    Source: k8s.io/apimachinery/pkg/runtime/converter.go.
    """
    found = _UNMARSHAL.fullmatch(why)
    if found is None:
        return why
    given, number, wanted = found[1], found[2], found[3]
    if wanted.startswith("[]"):
        return f"cannot restore slice from {_KINDS.get(given, 'int64')}"
    if wanted.startswith("map["):
        return f"cannot restore map from {_KINDS.get(given, 'int64')}"
    if wanted[:1].isupper() or "." in wanted:
        return f"cannot restore struct from: {_KINDS.get(given, 'int64')}"
    if given == "string":
        return f"unrecognized type: {wanted}"
    named = {"array": "[]interface {}", "object": "map[string]interface {}", "bool": "bool"}
    return f"cannot convert {named.get(given) or ('float64' if '.' in number else 'int64')} to {wanted}"


class Decoder:
    """Decodes bodies as the server's kinds."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def decode(self, call: Call, kind: ResourceType, body: object) -> JsonObject:
        """The object, validated field by field and with its defaults. Raises `StatusError` 400."""
        checked = self.check_kind(kind, body)
        return self._rules.defaulted(kind, conversions.stored(kind, self.fields(call, kind, checked)))

    def patched(self, call: Call, kind: ResourceType, made: Patched) -> JsonObject:
        """The object that a patch has made, as `decode`. Raises `StatusError` 422 where it is none of its kind."""
        try:
            checked = self.check_kind(kind, made.body)
            return self._rules.defaulted(kind, conversions.stored(kind, self.fields(call, kind, checked, patch=made)))
        except StatusError as error:
            if error.code != 400:
                raise
            raise made.refused(error.message) from error

    def check_kind(self, kind: ResourceType, body: object) -> JsonObject:
        """The body as an object of the kind that the path names. Raises `StatusError` 400."""
        if not isinstance(body, dict):
            why = "couldn't get version/kind; json parse error: the body is not an object"
            raise bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): {why}")
        if kind.custom and not (body.get("kind") and body.get("apiVersion")):
            missing = "Kind" if not body.get("kind") else "apiVersion"
            raise bad_request(f"Object '{missing}' is missing in '{encode(body).decode()[:_LONGEST_SHOWN]}'")
        given = body.get("kind") or kind.kind, body.get("apiVersion") or kind.api_version
        if given != (kind.kind, kind.api_version):
            why = (
                f'{given[0]} in version "{given[1].rpartition("/")[2]}" cannot be handled as a {kind.kind}: '
                f'no kind "{given[0]}" matches {kind.api_version} {kind.kind}'
            )
            if given[1] != kind.api_version:
                expected = f"the expected API version ({kind.api_version})"
                why = f"the API version in the data ({given[1]}) does not match {expected}"
            raise bad_request(why)
        if not isinstance(body.get("metadata", {}), (dict, type(None))):
            raise self._mistyped(
                kind, "json: cannot unmarshal string into Go struct field .metadata of type v1.ObjectMeta"
            )
        return {**body, "kind": kind.kind, "apiVersion": kind.api_version}

    def fields(self, call: Call, kind: ResourceType, body: JsonObject, *, patch: Patched | None = None) -> JsonObject:
        """The object in normal form; unknown fields as `fieldValidation` says. `patch`: what was sent, if one."""
        if kind.custom:
            body, findings = structural.pruned(copy(body), kind.custom.node)
        else:
            node = of_kind(kind.group, kind.version, kind.kind)
            assert node is not None, kind
            body, findings = fieldcheck.normalized(body, node)
        if findings.mistyped and patch is not None:
            raise patch.refused(findings.mistyped)
        if findings.mistyped:
            raise self._mistyped(kind, findings.mistyped)
        if findings.unknown and call.field_validation != "Ignore":
            shown = [f'unknown field "{path}"' for path in findings.unknown]
            if call.field_validation == "Strict":
                self._strict(kind, shown, patch)
            for text in shown:
                call.warn(text)
        return body

    @staticmethod
    def _mistyped(kind: ResourceType, why: str) -> StatusError:
        return bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')

    @staticmethod
    def _strict(kind: ResourceType, shown: list[str], patch: Patched | None) -> None:
        why = "strict decoding error: " + ", ".join(shown)
        if patch is None:
            raise bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')
        raise patch.refused(why)
