"""The sidecar proxy and its init step."""
