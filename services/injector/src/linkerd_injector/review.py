"""PURE: AdmissionReview, v1 and v1beta1: reading requests, writing answers.

What is not a review with a uid is BadReview (HTTP 400). An answer always carries the uid that was asked about.
"""

from base64 import b64encode
from dataclasses import dataclass

import msgspec

from linkerd_kube import JsonObject

VERSIONS = ("admission.k8s.io/v1", "admission.k8s.io/v1beta1")

_MAX_WARNING = 256
_MAX_WARNINGS = 4096
"""The API server cuts single warnings and drops what goes beyond this, all together."""


class BadReview(ValueError):
    """Not an AdmissionReview."""


@dataclass(frozen=True, slots=True)
class Review:
    """What is asked."""

    api_version: str
    uid: str
    kind: str
    """Of the object, "Pod" or "Service", only for the core group; else "group/Kind"."""
    operation: str
    namespace: str
    object: JsonObject
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered. `patch` is RFC 6902, None for no change."""

    allowed: bool = True
    patch: list[JsonObject] | None = None
    warnings: tuple[str, ...] = ()
    message: str = ""


def read_review(body: bytes) -> Review:
    """Raises BadReview."""
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise BadReview(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("kind") != "AdmissionReview":
        raise BadReview("the body is not an AdmissionReview")
    api_version = document.get("apiVersion")
    if api_version not in VERSIONS:
        raise BadReview(f"apiVersion {api_version!r} is not one of {', '.join(VERSIONS)}")
    request = document.get("request")
    if not isinstance(request, dict):
        raise BadReview("the AdmissionReview has no request")
    uid = request.get("uid")
    if not isinstance(uid, str) or not uid:
        raise BadReview("the request has no uid")
    kind = request.get("kind")
    kind = kind if isinstance(kind, dict) else {}
    group, name = kind.get("group") or "", kind.get("kind") or ""
    obj = request.get("object")
    return Review(
        api_version=api_version,
        uid=uid,
        kind=f"{group}/{name}" if group else str(name),
        operation=str(request.get("operation", "")),
        namespace=str(request.get("namespace") or ""),
        object=obj if isinstance(obj, dict) else {},
        dry_run=request.get("dryRun") is True,
    )


def write_review(review: Review, answer: Answer) -> bytes:
    """The AdmissionReview to send back, in the version of the request."""
    response: JsonObject = {"uid": review.uid, "allowed": answer.allowed}
    if answer.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = b64encode(msgspec.json.encode(answer.patch)).decode()
    if warnings := _fitting(answer.warnings):
        response["warnings"] = warnings
    if answer.message:
        response["status"] = {"message": answer.message, "code": 200 if answer.allowed else 400}
    return msgspec.json.encode({"apiVersion": review.api_version, "kind": "AdmissionReview", "response": response})


def _fitting(warnings: tuple[str, ...]) -> list[str]:
    fitting: list[str] = []
    room = _MAX_WARNINGS
    for warning in warnings:
        text = f"linkerd: {warning}"
        text = text if len(text) <= _MAX_WARNING else f"{text[: _MAX_WARNING - 1]}…"
        room -= len(text)
        if room < 0:
            break
        fitting.append(text)
    return fitting
