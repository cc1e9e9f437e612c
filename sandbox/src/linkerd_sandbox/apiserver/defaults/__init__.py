"""Defaults: what the API server fills into objects of the built-in kinds, as Kubernetes 1.32 does. PURE.

Each function changes the object that it is given. Source of the values: the `SetDefaults_*` functions of
k8s.io/kubernetes/pkg/apis.
"""

from linkerd_sandbox.apiserver.defaults.table import fill

__all__ = ["fill"]
