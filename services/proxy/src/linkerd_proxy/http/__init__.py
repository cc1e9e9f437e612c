"""HTTP over sockets: servers and clients of both versions, and the exchange that joins one of each.

No task, no future and no await per request: callbacks on connections, plain calls between them, output batched per
turn of the loop (transport/turn.py).
"""
