"""What two processes of the mesh agree on: documents, names, headers, ports.

One module per document. Versions mix in a live cluster, so readers ignore unknown fields, every enum has an
`unknown` member that stands for what a newer writer says, and paths carry `/v1`. Durations are integers of
milliseconds in fields that end in `Ms`; addresses are "ip:port" strings ("[ip]:port" for IPv6); times are
RFC 3339 in UTC. golden/ beside the tests holds one JSON file per document, read by both sides' tests.
"""
