"""AdmissionReview v1: the question, and what the answer means. PURE."""

import base64
import binascii
from dataclasses import dataclass, field

import msgspec

from linkerd_sandbox.apiserver.admission.match import Hook
from linkerd_sandbox.apiserver.call import Attributes
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, decode, dig, dig_map
from linkerd_sandbox.apiserver.status import StatusError

_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}
_FORBIDDEN = 403


@dataclass(slots=True)
class Answer:
    """What a webhook said."""

    patch: list[JsonObject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class BadAnswer(Exception):
    """The webhook failed, which is something else than a refusal: failurePolicy decides."""


def _view(kind: ResourceType, body: JsonObject | None) -> JsonObject | None:
    return None if body is None else {**body, "apiVersion": kind.api_version, "kind": kind.kind}


def question(
    hook: Hook, attributes: Attributes, body: JsonObject | None, old: JsonObject | None, uid: str
) -> JsonObject:
    """The AdmissionReview that asks the webhook."""
    kind, asked = hook.kind, attributes.kind
    request: JsonObject = {
        "uid": uid,
        "kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "resource": {"group": kind.group, "version": kind.version, "resource": kind.plural},
        "requestKind": {"group": asked.group, "version": asked.version, "kind": asked.kind},
        "requestResource": {"group": asked.group, "version": asked.version, "resource": asked.plural},
        "operation": attributes.operation,
        "userInfo": attributes.call.user.document(),
        "object": _view(kind, body),
        "oldObject": _view(kind, old),
        "dryRun": attributes.call.dry_run,
        "options": {
            "kind": _OPTIONS.get(attributes.operation, ""),
            "apiVersion": "meta.k8s.io/v1",
            **attributes.options,
        },
    }
    if attributes.name:
        request["name"] = attributes.name
    if attributes.kind.namespaced or attributes.kind.qualified == "namespaces":
        request["namespace"] = attributes.namespace or attributes.name
    if attributes.subresource:
        request["subResource"] = request["requestSubResource"] = attributes.subresource
    if attributes.call.field_manager:
        request["options"]["fieldManager"] = attributes.call.field_manager
    if attributes.call.dry_run:
        request["options"]["dryRun"] = ["All"]
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def read(hook: Hook, uid: str, review: object) -> Answer:
    """The answer in an AdmissionReview. Raises `StatusError` for a refusal, `BadAnswer` for what is no answer."""
    response = dig(review, "response")
    if not isinstance(review, dict) or not isinstance(response, dict):
        raise BadAnswer("webhook response was absent")
    if (review.get("apiVersion"), review.get("kind")) != ("admission.k8s.io/v1", "AdmissionReview"):
        given = f"{review.get('apiVersion')}, Kind={review.get('kind')}"
        raise BadAnswer(f"expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {given}")
    if response.get("uid") != uid:
        raise BadAnswer(f'expected response.uid="{uid}", got "{response.get("uid")}"')
    warnings = [str(text) for text in response.get("warnings") or ()]
    if response.get("allowed") is not True:
        raise _refusal(hook, dig_map(response, "status"))
    return Answer(_patch(response), warnings)


def _patch(response: JsonObject) -> list[JsonObject]:
    raw = response.get("patch")
    if not raw:
        return []
    if response.get("patchType") != "JSONPatch":
        raise BadAnswer(
            f"webhook returned response.patch but not response.patchType JSONPatch: {response.get('patchType')}"
        )
    try:
        operations = decode(base64.b64decode(raw, validate=True))
    except (binascii.Error, ValueError, TypeError, msgspec.DecodeError) as error:
        raise BadAnswer(f"the patch cannot be read: {error}") from error
    if not isinstance(operations, list):
        raise BadAnswer("the patch is not a list of operations")
    return operations


def _refusal(hook: Hook, given: JsonObject) -> StatusError:
    """A denial, as k8s.io/apiserver/pkg/admission/plugin/webhook/errors.ToStatusErr words it."""
    code = given.get("code") or 0
    if not isinstance(code, int) or code < 400:
        code = _FORBIDDEN
    why = given.get("message") or given.get("reason")
    name = hook.webhook["name"]
    text = f'admission webhook "{name}" denied the request'
    text += f": {why}" if why else " without explanation"
    reason = given.get("reason") or ("Forbidden" if code == _FORBIDDEN else "")
    return StatusError(code, reason, text, dig_map(given, "details") or None)
