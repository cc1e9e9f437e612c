"""Bytes to callbacks and back: HTTP/1, HTTP/2, protocol detection, TLS ClientHello, gRPC status.

PURE: no asyncio, socket, ssl, time, random, logging or os in here. Whoever owns the socket feeds bytes and writes what
lies in an ``out`` list; what a peer sends never raises through ``receive``/``feed``, it reaches the handler as a call.
"""
