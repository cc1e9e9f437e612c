"""The linkerd command."""
