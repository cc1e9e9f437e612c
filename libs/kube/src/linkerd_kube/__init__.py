"""Kubernetes API access: client, list and watch, leader election, events, port-forward.

JSON in, JSON out: objects are plain dicts, or narrow msgspec structs where a Reflector is given a decoder.
kubernetes_asyncio costs 41 MB and most of a second: only `KubeClient.connect` imports it, when it reads a kubeconfig.
"""

from linkerd_kube.client import KubeClient, ListResult, RawPage
from linkerd_kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Unauthorized,
    Unreachable,
)
from linkerd_kube.events import EventRecorder
from linkerd_kube.leader import Leader
from linkerd_kube.objects import JsonObject, ObjectRef
from linkerd_kube.reflector import Handler, Reflector, Rejected
from linkerd_kube.resource import Resource
from linkerd_kube.waking import waking, woken

__all__ = [
    "AlreadyExists",
    "ApiError",
    "Conflict",
    "EventRecorder",
    "Forbidden",
    "Gone",
    "Handler",
    "Invalid",
    "JsonObject",
    "KubeClient",
    "Leader",
    "ListResult",
    "NotFound",
    "ObjectRef",
    "RawPage",
    "Reflector",
    "Rejected",
    "Resource",
    "Unauthorized",
    "Unreachable",
    "waking",
    "woken",
]
