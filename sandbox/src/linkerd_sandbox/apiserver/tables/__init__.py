"""Tables: the columns that `kubectl get` prints, made by the server as Kubernetes makes them. PURE."""

from linkerd_sandbox.apiserver.tables.table import table

__all__ = ["table"]
