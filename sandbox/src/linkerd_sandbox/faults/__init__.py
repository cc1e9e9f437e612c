"""Faults on demand (`linkerd sandbox chaos`): for pods and for the cluster's own parts, inside the supervisor."""
