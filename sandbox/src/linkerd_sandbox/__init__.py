"""A Kubernetes for one machine, without Docker."""
