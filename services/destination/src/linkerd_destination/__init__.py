"""Discovery and policy for the proxies: what Kubernetes says, as the documents of linkerd_contract.

Rooms, each importing only those to its right: app > api | status > watch > translate > index. index and translate are
PURE. State comes from Kubernetes alone, so that any number of replicas answer alike.
"""
