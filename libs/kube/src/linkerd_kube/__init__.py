"""Kubernetes API access: list and watch, caches, leases, events, port-forward."""
