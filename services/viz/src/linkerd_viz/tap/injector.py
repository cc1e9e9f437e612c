"""PURE: the webhook that makes new pods tappable, as Linkerd's tap-injector: a JSON patch for a pod under review.

The proxy opens its tap only for the identity in LINKERD2_PROXY_TAP_SVC_NAME; the annotation viz.linkerd.io/tap-enabled
says that it has it. viz.linkerd.io/disable-tap on the pod, or else on its namespace, leaves it closed.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import cast

import msgspec

from linkerd_contract import names
from linkerd_kube import JsonObject

TAP_ENABLED = "viz.linkerd.io/tap-enabled"
TAP_DISABLED = "viz.linkerd.io/disable-tap"
TAP_NAME = "LINKERD2_PROXY_TAP_SVC_NAME"
_VERSIONS = ("admission.k8s.io/v1", "admission.k8s.io/v1beta1")


class BadReview(ValueError):
    """Not an AdmissionReview of something."""


def read_review(body: bytes) -> tuple[JsonObject, JsonObject]:
    """The review and its request. Raises BadReview."""
    try:
        review = msgspec.json.decode(body, type=JsonObject)
    except (ValueError, RecursionError) as error:
        raise BadReview(f"the body is not a JSON object: {error}") from error
    request = review.get("request")
    if review.get("apiVersion") not in _VERSIONS or not isinstance(request, dict):
        raise BadReview("the body is not an AdmissionReview with a request")
    if not isinstance(request.get("uid"), str):
        raise BadReview("the request has no uid")
    return review, request


def answer(review: JsonObject, request: JsonObject, patch: list[JsonObject]) -> JsonObject:
    """The review to send back: always allowed."""
    response: JsonObject = {"uid": request["uid"], "allowed": True}
    if patch:
        response |= {"patchType": "JSONPatch", "patch": b64encode(msgspec.json.encode(patch)).decode()}
    return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}


def disabled(pod_annotations: Mapping[str, object], namespace_annotations: Mapping[str, object]) -> bool:
    """Whether a pod must not be tapped: its own word counts before its namespace's."""
    word = pod_annotations.get(TAP_DISABLED, namespace_annotations.get(TAP_DISABLED))
    return word in ("true", "enabled")


def tap_patch(pod: JsonObject, namespace_annotations: Mapping[str, str], identity: str) -> list[JsonObject]:
    """Empty for a pod without a sidecar, one that must not be tapped, one that is tappable, and what is malformed."""
    metadata = _mapping(pod.get("metadata"))
    annotations = _mapping(metadata.get("annotations"))
    if disabled(annotations, namespace_annotations):
        return []
    for group in ("containers", "initContainers"):
        containers = _mapping(pod.get("spec")).get(group)
        for index, container in enumerate(containers if isinstance(containers, list) else ()):
            if _mapping(container).get("name") == names.PROXY_CONTAINER:
                return _patch(f"/spec/{group}/{index}/env", _mapping(container), pod, identity)
    return []


def _patch(path: str, container: JsonObject, pod: JsonObject, identity: str) -> list[JsonObject]:
    env = container.get("env")
    known = env if isinstance(env, list) else []
    if any(_mapping(variable).get("name") == TAP_NAME for variable in known):
        return []
    variable = {"name": TAP_NAME, "value": identity}
    patch: list[JsonObject] = [
        {"op": "add", "path": f"{path}/-", "value": variable}
        if known
        else {"op": "add", "path": path, "value": [variable]}
    ]
    if not isinstance(pod.get("metadata"), dict):
        patch.append({"op": "add", "path": "/metadata", "value": {}})
    if not isinstance(_mapping(pod.get("metadata")).get("annotations"), dict):
        patch.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    key = TAP_ENABLED.replace("~", "~0").replace("/", "~1")
    patch.append({"op": "add", "path": f"/metadata/annotations/{key}", "value": "true"})
    return patch


def _mapping(value: object) -> JsonObject:
    return cast("JsonObject", value) if isinstance(value, dict) else {}
