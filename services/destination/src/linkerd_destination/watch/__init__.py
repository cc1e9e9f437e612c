"""Follows Kubernetes: raw JSON in, the index's objects out."""
