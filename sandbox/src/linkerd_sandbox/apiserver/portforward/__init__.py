"""Port-forwarding: the protocols that clients speak, each leading to connections into a pod.

`channels`: WebSocket with a channel byte before each message (v4.channel.k8s.io); `streams`: SPDY/3.1 (`spdy` is its
codec), by HTTP upgrade or tunnelled through a WebSocket, as kubectl does since 1.31.
"""
