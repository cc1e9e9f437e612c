"""Who may: ServerAuthorization, AuthorizationPolicy, MeshTLSAuthentication, NetworkAuthentication."""

from msgspec import Struct

from linkerd_contract.inbound import AuthnKind, Network
from linkerd_rules.validation.fields import Fields
from linkerd_rules.validation.meta import Meta, Reading, Resource, read_document
from linkerd_rules.validation.references import (
    GATEWAY_GROUP,
    POLICY_GROUP,
    Ref,
    read_identities,
    read_networks,
    read_ref,
)
from linkerd_rules.validation.selector import Selector, read_selector

_TARGETS = {
    (POLICY_GROUP, "Server"),
    (POLICY_GROUP, "HTTPRoute"),
    (GATEWAY_GROUP, "HTTPRoute"),
    (GATEWAY_GROUP, "GRPCRoute"),
    ("", "Namespace"),
}
_AUTHENTICATIONS = {
    (POLICY_GROUP, "MeshTLSAuthentication"),
    (POLICY_GROUP, "NetworkAuthentication"),
    ("", "ServiceAccount"),
}


class ServiceAccount(Struct, frozen=True):
    """A workload's account; an empty name stands for all of the namespace."""

    namespace: str
    name: str


class ServerAuthorization(Resource, frozen=True, kw_only=True):
    """Allows clients to use the Servers named or selected. No `networks`: the cluster's."""

    server: str = ""
    selector: Selector | None = None
    networks: tuple[Network, ...] = ()
    authn: AuthnKind = AuthnKind.unknown
    identities: tuple[str, ...] = ()
    accounts: tuple[ServiceAccount, ...] = ()


class AuthorizationPolicy(Resource, frozen=True, kw_only=True):
    """Allows clients that meet all of `required` to use the target."""

    target: Ref
    required: tuple[Ref, ...] = ()


class MeshTLSAuthentication(Resource, frozen=True, kw_only=True):
    """Clients by their mesh identity."""

    identities: tuple[str, ...] = ()
    accounts: tuple[ServiceAccount, ...] = ()


class NetworkAuthentication(Resource, frozen=True, kw_only=True):
    """Clients by their address."""

    networks: tuple[Network, ...] = ()


def read_server_authorization(obj: object) -> Reading[ServerAuthorization]:
    """A ServerAuthorization."""
    return read_document(obj, _server_authorization)


def _server_authorization(meta: Meta, _annotations: Fields, spec: Fields) -> ServerAuthorization:
    server = spec.child("server", required=True)
    name, selector = "", None
    if server is not None:
        which = server.one_of("name", "selector")
        name, child = server.text("name"), server.child("selector")
        selector = read_selector(child) if child is not None and which == "selector" else None
        server.done()
    client = spec.child("client", required=True)
    if client is None:
        return ServerAuthorization(meta=meta)
    networks = tuple(read_networks(client, "networks"))
    open_to_all = client.boolean("unauthenticated")
    mesh = client.child("meshTLS")
    if open_to_all == (mesh is not None):
        client.problem("", "exactly one of unauthenticated: true and meshTLS must be set")
    nobody: _Clients = (AuthnKind.unauthenticated, (), ())
    authn, identities, accounts = nobody if mesh is None else _mesh_tls(mesh, meta)
    client.done()
    return ServerAuthorization(
        meta=meta,
        server=name,
        selector=selector,
        networks=networks,
        authn=authn,
        identities=identities,
        accounts=accounts,
    )


_Clients = tuple[AuthnKind, tuple[str, ...], tuple[ServiceAccount, ...]]


def _mesh_tls(mesh: Fields, meta: Meta) -> _Clients:
    if not any(mesh.has(name) for name in ("identities", "serviceAccounts")) and not mesh.boolean("unauthenticatedTLS"):
        mesh.problem("", "set identities, serviceAccounts or unauthenticatedTLS: true")
    anyone = mesh.boolean("unauthenticatedTLS")
    identities = read_identities(mesh, "identities")
    accounts: list[ServiceAccount] = []
    for item in mesh.children("serviceAccounts"):
        accounts.append(ServiceAccount(item.text("namespace", meta.namespace), item.text("name", required=True)))
        item.done()
    if anyone and (identities or accounts):
        mesh.problem("unauthenticatedTLS", "allows every mesh client; remove identities and serviceAccounts, or it")
    mesh.done()
    return (AuthnKind.tls_unauthenticated if anyone else AuthnKind.tls_authenticated), identities, tuple(accounts)


def read_authorization_policy(obj: object) -> Reading[AuthorizationPolicy]:
    """An AuthorizationPolicy."""
    return read_document(obj, _authorization_policy)


def _authorization_policy(meta: Meta, _annotations: Fields, spec: Fields) -> AuthorizationPolicy:
    child = spec.child("targetRef", required=True)
    target = Ref(group=POLICY_GROUP, kind="Server", namespace=meta.namespace, name="")
    if child is not None:
        target = read_ref(child, meta.namespace)
        child.done()
        if child.has("kind") and (target.group, target.kind) not in _TARGETS:
            words = "Server, HTTPRoute (policy.linkerd.io), GRPCRoute (gateway.networking.k8s.io), Namespace (core)"
            child.problem("kind", f"{_kind_of(target)} cannot be a target; write one of {words}")
        if target.namespace != meta.namespace or (target.kind == "Namespace" and target.name != meta.namespace):
            child.problem("name", f"must be in the policy's own namespace, {meta.namespace}")
    required: list[Ref] = []
    for fields in spec.children("requiredAuthenticationRefs", required=True):
        ref = read_ref(fields, meta.namespace)
        fields.done()
        if fields.has("kind") and (ref.group, ref.kind) not in _AUTHENTICATIONS:
            words = "MeshTLSAuthentication, NetworkAuthentication (policy.linkerd.io), ServiceAccount (core)"
            fields.problem("kind", f"{_kind_of(ref)} is no authentication; write one of {words}")
        required.append(ref)
    networks = sum(ref.kind == "NetworkAuthentication" for ref in required)
    if networks > 1 or len(required) - networks > 1:
        message = "takes at most one NetworkAuthentication and one MeshTLSAuthentication or ServiceAccount"
        spec.problem("requiredAuthenticationRefs", message)
    return AuthorizationPolicy(meta=meta, target=target, required=tuple(required))


def _kind_of(ref: Ref) -> str:
    return f"{ref.kind}.{ref.group}" if ref.group else ref.kind


def read_mesh_tls_authentication(obj: object) -> Reading[MeshTLSAuthentication]:
    """A MeshTLSAuthentication."""
    return read_document(obj, _mesh_tls_authentication)


def _mesh_tls_authentication(meta: Meta, _annotations: Fields, spec: Fields) -> MeshTLSAuthentication:
    if not spec.names():
        spec.problem("", "set identities or identityRefs")
    identities = read_identities(spec, "identities")
    accounts: list[ServiceAccount] = []
    for fields in spec.children("identityRefs"):
        kind = fields.choice("kind", ("ServiceAccount", "Namespace"), required=True)
        if fields.text("group") not in ("", "core"):
            fields.problem("group", "must be empty: ServiceAccount and Namespace are of the core group")
        if kind == "Namespace":
            accounts.append(ServiceAccount(fields.text("name", meta.namespace), ""))
            fields.raw("namespace")
        else:
            name = fields.text("name", required=True)
            accounts.append(ServiceAccount(fields.text("namespace", meta.namespace), name))
        fields.done()
    return MeshTLSAuthentication(meta=meta, identities=identities, accounts=tuple(accounts))


def read_network_authentication(obj: object) -> Reading[NetworkAuthentication]:
    """A NetworkAuthentication."""
    return read_document(obj, _network_authentication)


def _network_authentication(meta: Meta, _annotations: Fields, spec: Fields) -> NetworkAuthentication:
    networks = tuple(read_networks(spec, "networks", required=True))
    if spec.raw("networks") == []:
        spec.problem("networks", "must not be empty; for every client write 0.0.0.0/0 and ::/0")
    return NetworkAuthentication(meta=meta, networks=networks)
