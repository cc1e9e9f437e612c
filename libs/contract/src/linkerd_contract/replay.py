"""`POST /v1/policy-test` on destination, for people: edges that proxies saw, decided under policies not yet applied.

An edge is a client of one port of a workload. A file of edges (EdgeList) can be kept, and replayed later elsewhere.
"""

import msgspec

from linkerd_contract.codec import Document
from linkerd_contract.resource import ResourceRef

REPLAY_PATH = "/v1/policy-test"


class Edge(Document, frozen=True):
    """`server` is "namespace/kind/name" of a workload or pod: "emojivoto/deployment/web".

    `client` is its mesh identity, "" for none; `tls`: it came by the mesh's TLS. `route` is the inbound route that its
    requests took, as metrics name it (group, kind, name; no namespace). Without `http` it is a connection.
    """

    server: str
    port: int
    client: str = ""
    tls: bool = False
    http: bool = True
    route: ResourceRef = ResourceRef()


class EdgeList(Document, frozen=True):
    """A saved file."""

    edges: list[Edge] = []


class Replay(Document, frozen=True):
    """`objects` are as `kubectl apply` would send them, each with a namespace where its kind has one."""

    objects: list[msgspec.Raw] = []
    edges: list[Edge] = []


class Decision(Document, frozen=True):
    """`by`: what allows, or the Server (or default policy) that denies. `reason`: why it is denied."""

    allowed: bool
    by: ResourceRef = ResourceRef()
    reason: str = ""


class Change(Document, frozen=True):
    """An edge that is decided otherwise."""

    edge: Edge
    before: Decision
    after: Decision


class Undecided(Document, frozen=True):
    """An edge that nothing can be said of, and why."""

    edge: Edge
    reason: str


class Replayed(Document, frozen=True):
    """The answer. `ignored` names objects that decide nothing about clients ("Deployment emojivoto/web")."""

    denied: list[Change] = []
    allowed: list[Change] = []
    same: int = 0
    undecided: list[Undecided] = []
    ignored: list[str] = []
