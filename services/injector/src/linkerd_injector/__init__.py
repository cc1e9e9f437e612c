"""Admission webhooks: sidecar injection and validation."""
