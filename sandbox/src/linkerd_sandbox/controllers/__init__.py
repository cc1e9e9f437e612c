"""Kubernetes controllers as API clients: one PURE reconcile function a kind, and the loop that runs them."""
