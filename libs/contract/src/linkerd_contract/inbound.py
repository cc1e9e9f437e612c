"""The inbound document: which clients may do what with each port of one workload."""

from msgspec import field

from linkerd_contract.codec import Document, OpenEnum
from linkerd_contract.matching import Condition, Filter, StringMatch
from linkerd_contract.outbound import Protocol, Route
from linkerd_contract.resource import ResourceRef


class AuthnKind(OpenEnum):
    """`unknown` never authorizes."""

    unauthenticated = "unauthenticated"
    tls_unauthenticated = "tlsUnauthenticated"
    tls_authenticated = "tlsAuthenticated"
    unknown = "unknown"


class Network(Document, frozen=True):
    """A CIDR and what is cut out of it."""

    cidr: str
    except_: list[str] = field(default_factory=list, name="except")


class Authorization(Document, frozen=True):
    """Allows a client whose address is in one of `networks` (none = all) and that is authenticated as said.

    `identities` are exact names or "*" for any; `suffixes` are DNS suffixes without the star ("ns.serviceaccount…").
    With `audit`, it allows and logs.
    """

    resource: ResourceRef = ResourceRef()
    networks: list[Network] = []
    authn: AuthnKind = AuthnKind.unauthenticated
    identities: list[str] = []
    suffixes: list[str] = []
    audit: bool = False


class InboundRoute(Document, frozen=True):
    """One route of a port. Its authorizations add to the port's (HTTPRoute with parent Server)."""

    resource: ResourceRef = ResourceRef()
    hosts: list[StringMatch] = []
    matches: list[Condition] = []
    filters: list[Filter] = []
    authorizations: list[Authorization] = []


class InboundProfile(Document, frozen=True):
    """A ServiceProfile of a Service that leads to this port: what was sent to `authority` is counted by its routes.

    Of the routes only names, conditions, response classes and labels (rt_*) count here: the first match takes a
    request, and the default route is the last one and written out.
    """

    authority: str
    """The Service as its clients name it, with its own port, "voting.emojivoto.svc.cluster.local:8080"."""
    routes: list[Route] = []


class RateOverride(Document, frozen=True):
    """One bucket shared by the identities listed."""

    requests_per_second: int
    identities: list[str] = []


class RateLimit(Document, frozen=True):
    """HTTPLocalRateLimitPolicy: GCRA with burst = rate."""

    resource: ResourceRef = ResourceRef()
    total: int | None = None
    identity: int | None = None
    overrides: list[RateOverride] = []


class PortPolicy(Document, frozen=True):
    """Policy of one port. An empty `routes` means: every request goes to the default route."""

    protocol: Protocol = Protocol.detect
    detect_timeout_ms: int = 10000
    server: ResourceRef = ResourceRef()
    """srv_* metric labels."""
    authorizations: list[Authorization] = []
    routes: list[InboundRoute] = []
    rate_limit: RateLimit | None = None
    profiles: list[InboundProfile] = []
    """One for each port of a Service that leads here and has a profile."""
    labels: dict[str, str] = {}


class InboundDocument(Document, frozen=True):
    """Policies by port number (JSON keys are strings), and the one for all other ports."""

    workload: str = ""
    ports: dict[str, PortPolicy] = {}
    default: PortPolicy = PortPolicy()
