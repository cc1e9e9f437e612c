"""PURE: which Server is in force on a pod's port, and who it lets in."""

from linkerd_contract import names
from linkerd_contract.inbound import AuthnKind, Authorization, Network, RateLimit, RateOverride
from linkerd_contract.outbound import Protocol
from linkerd_contract.resource import ResourceRef
from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.objects import Pod
from linkerd_destination.index.state import View
from linkerd_rules.policy.defaults import default_authorizations
from linkerd_rules.validation.authorization import AuthorizationPolicy, ServerAuthorization, ServiceAccount
from linkerd_rules.validation.references import POLICY_GROUP, Ref
from linkerd_rules.validation.server import Server


def servers_of(view: View, pod: Pod) -> dict[int, Server]:
    """The Server of each port of a pod; where several select it, the oldest."""
    key = (pod.namespace, pod.labels, pod.ports)
    known = view.servers_by_template.get(key)
    if known is not None:
        return known
    found = view.servers_by_template[key] = {}
    labels = dict(pod.labels)
    for server in view.servers(pod.namespace):
        if server.pods is None or not server.pods.selects(labels):
            continue
        if isinstance(server.port, int):
            found.setdefault(server.port, server)
        else:
            for name, port in pod.ports:
                if name == server.port:
                    found.setdefault(port, server)
    return found


def opaque_by_server(view: View, pod: Pod, port: int) -> bool:
    """Whether a Server makes this port opaque. Costs a look-up where no Server of the namespace does that."""
    if not view.has_opaque_servers(pod.namespace):
        return False
    server = servers_of(view, pod).get(port)
    return server is not None and server.protocol is Protocol.opaque


def server_ref(server: Server) -> ResourceRef:
    """A Server, as metric labels name it."""
    return _ref("Server", server.meta.namespace, server.meta.name)


def _ref(kind: str, namespace: str, name: str, group: str = POLICY_GROUP) -> ResourceRef:
    return ResourceRef(group=group, kind=kind, namespace=namespace, name=name)


def server_authorizations(view: View, server: Server) -> list[Authorization]:
    """Who may use a Server: what names it, what is for its namespace, and at the end its access policy."""
    config, namespace = view.config, server.meta.namespace
    labels = dict(server.labels)
    found: list[Authorization] = []
    for one in view.server_authorizations(namespace):
        selected = one.selector is not None and one.selector.selects(labels)
        if selected or (one.server and one.server == server.meta.name):
            found.append(_of_server_authorization(config, one))
    own = Ref(group=POLICY_GROUP, kind="Server", namespace=namespace, name=server.meta.name)
    whole = Ref(group="", kind="Namespace", namespace=namespace, name=namespace)
    for target in (own, whole):
        found += policy_authorizations(view, target)
    return [*found, *default_authorizations(server.access_policy, config.cluster_networks)]


def policy_authorizations(view: View, target: Ref) -> list[Authorization]:
    """What AuthorizationPolicies allow on one target."""
    made = (_of_policy(view, policy) for policy in view.authorization_policies(target))
    return [authorization for authorization in made if authorization is not None]


def _of_server_authorization(config: ClusterConfig, one: ServerAuthorization) -> Authorization:
    exact, suffixes = _names(config, one.identities, one.accounts)
    return Authorization(
        resource=_ref("ServerAuthorization", *one.key),
        networks=list(one.networks) or [Network(cidr=cidr) for cidr in config.cluster_networks],
        authn=one.authn,
        identities=exact,
        suffixes=suffixes,
    )


def _of_policy(view: View, policy: AuthorizationPolicy) -> Authorization | None:
    """None where an authentication is not there: the policy then allows nobody (Linkerd ignores it)."""
    networks: list[Network] = []
    exact: list[str] = []
    suffixes: list[str] = []
    authn = AuthnKind.unauthenticated
    for ref in policy.required:
        if ref.kind == "NetworkAuthentication":
            network = view.network_authentication(ref.namespace, ref.name)
            if network is None:
                return None
            networks = list(network.networks)
            continue
        authn = AuthnKind.tls_authenticated
        if ref.kind == "ServiceAccount":
            exact, suffixes = _names(view.config, (), (ServiceAccount(ref.namespace, ref.name),))
            continue
        mesh = view.mesh_tls_authentication(ref.namespace, ref.name)
        if mesh is None:
            return None
        exact, suffixes = _names(view.config, mesh.identities, mesh.accounts)
    return Authorization(
        resource=_ref("AuthorizationPolicy", *policy.key),
        networks=networks,
        authn=authn,
        identities=exact,
        suffixes=suffixes,
    )


def _names(
    config: ClusterConfig, identities: tuple[str, ...], accounts: tuple[ServiceAccount, ...]
) -> tuple[list[str], list[str]]:
    """Exact identities and suffixes; every account of a namespace is a suffix too."""
    exact = [name for name in identities if name == "*" or not name.startswith("*")]
    suffixes = [name.removeprefix("*.") for name in identities if name.startswith("*.")]
    for account in accounts:
        if account.name:
            exact.append(identity_of(config, account))
        else:
            suffixes.append(identity_of(config, account).removeprefix("."))
    return exact, suffixes


def identity_of(config: ClusterConfig, account: ServiceAccount) -> str:
    """The mesh identity of an account."""
    return names.identity_name(account.name, account.namespace, config.control_plane_namespace, config.trust_domain)


def rate_limit_of(view: View, server: Server) -> RateLimit | None:
    """The limits of a Server, by the oldest policy that names it."""
    policy = view.rate_limit(server.meta.namespace, server.meta.name)
    if policy is None:
        return None
    return RateLimit(
        resource=_ref("HTTPLocalRateLimitPolicy", *policy.key),
        total=policy.total,
        identity=policy.identity,
        overrides=[
            RateOverride(
                requests_per_second=one.rate, identities=[identity_of(view.config, account) for account in one.accounts]
            )
            for one in policy.overrides
        ],
    )
