"""The documents on the wire: WebSocket for proxies, loopback HTTP for people."""
