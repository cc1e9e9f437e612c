"""The sandbox's Kubernetes API server: an in-memory store behind the API that kubectl and client libraries speak.

Rooms. PURE (no clock, socket or randomness of their own): `objects status kinds store selectors patch strategic schema
validation/ defaults/ tables/ rbac claims discovery crds spdy protobuf`. IO: `server http watch admission/ tokens
podstreams certificates`. Controllers, kubelet and service proxy are clients of this API, never importers of it.
"""
