"""From the body of a request to an object of its kind: field validation, normal form, defaults. PURE."""

from linkerd_sandbox.apiserver import fieldcheck, structural
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, copy, encode
from linkerd_sandbox.apiserver.rules import Rules
from linkerd_sandbox.apiserver.schemas import of_kind
from linkerd_sandbox.apiserver.status import Cause, StatusError, bad_request, invalid

_LONGEST_SHOWN = 2000


def refused_patch(value: object, why: str) -> StatusError:
    """422: what a patch makes is no object of the kind."""
    return invalid("", "", "", [Cause("patch", "FieldValueInvalid", f"Invalid value: {_quoted(value)}: {why}")])


def _quoted(value: object) -> str:
    """JSON text in quotes, as Go's %q shows it."""
    text = encode(value).decode()
    if len(text) > _LONGEST_SHOWN:
        text = text[:_LONGEST_SHOWN] + "..."
    return encode(text).decode()


class Decoder:
    """Decodes bodies as the server's kinds."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def decode(self, call: Call, kind: ResourceType, body: object) -> JsonObject:
        """The object, validated field by field and with its defaults. Raises `StatusError` 400."""
        checked = self.check_kind(kind, body)
        return self._rules.defaulted(kind, self.fields(call, kind, checked))

    def patched(self, call: Call, kind: ResourceType, body: JsonObject) -> JsonObject:
        """The object that a patch has made, as `decode`. Raises `StatusError` 422 where it is none of its kind."""
        try:
            checked = self.check_kind(kind, body)
            return self._rules.defaulted(kind, self.fields(call, kind, checked, patch=body))
        except StatusError as error:
            if error.code != 400:
                raise
            raise refused_patch(body, error.message) from error

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

    def fields(
        self, call: Call, kind: ResourceType, body: JsonObject, *, patch: JsonObject | None = None
    ) -> JsonObject:
        """The object in normal form; unknown fields as `fieldValidation` says. `patch`: what was sent, if one."""
        if kind.custom:
            body, findings = structural.pruned(copy(body), kind.custom.node)
        else:
            node = of_kind(kind.group, kind.version, kind.kind)
            assert node is not None, kind
            body, findings = fieldcheck.normalized(body, node)
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
    def _strict(kind: ResourceType, shown: list[str], patch: JsonObject | None) -> None:
        why = "strict decoding error: " + ", ".join(shown)
        if patch is None:
            raise bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')
        raise refused_patch(patch, why)
