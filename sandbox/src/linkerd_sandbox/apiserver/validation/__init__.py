"""Validation: what Kubernetes checks of an object beyond its fields' types, in its words. PURE.

Source: k8s.io/kubernetes/pkg/apis/*/validation. Not every check is here; those that people meet are.
"""

from linkerd_sandbox.apiserver.validation.meta import metadata
from linkerd_sandbox.apiserver.validation.table import counts, validate

__all__ = ["counts", "metadata", "validate"]
