"""`pods/exec`: a command in a running container, its streams over WebSocket or SPDY.

`session` copies between the process and the client and knows no wire; `channels` is the WebSocket form
(v5.channel.k8s.io, v4), `streams` the SPDY form of kubectl before 1.30.
"""
