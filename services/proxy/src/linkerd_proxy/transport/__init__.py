"""Sockets: listening, original destinations, TLS, connecting, write batching, timers, opaque relays."""
