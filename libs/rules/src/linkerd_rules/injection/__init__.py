"""Sidecar injection, PURE: plain dict trees in, changed copies out. Used by the webhook and by `linkerd inject`.

A pod is injected when its annotation, or else its namespace's, asks for it and nothing in its spec stands against it.
The installation's values are the defaults, the namespace's annotations come next, the pod's own win.
"""

from linkerd_rules.injection.config import InjectConfig, ProxyConfig, from_values
from linkerd_rules.injection.inject import Injection, Source, Target, annotate_service, inject_pod, owner_of
from linkerd_rules.injection.skip import SkipReason
from linkerd_rules.injection.tree import JsonObject, Malformed
from linkerd_rules.injection.uninject import uninject_metadata, uninject_pod
from linkerd_rules.injection.workload import TEMPLATES, pod_template, with_template

__all__ = [
    "TEMPLATES",
    "InjectConfig",
    "Injection",
    "JsonObject",
    "Malformed",
    "ProxyConfig",
    "SkipReason",
    "Source",
    "Target",
    "annotate_service",
    "from_values",
    "inject_pod",
    "owner_of",
    "pod_template",
    "uninject_metadata",
    "uninject_pod",
    "with_template",
]
