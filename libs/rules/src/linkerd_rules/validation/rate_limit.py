"""HTTPLocalRateLimitPolicy (policy.linkerd.io/v1alpha1): requests per second that each pod behind a Server takes."""

from msgspec import Struct

from linkerd_rules.validation.authorization import ServiceAccount
from linkerd_rules.validation.fields import Fields
from linkerd_rules.validation.meta import Meta, Reading, Resource, read_document
from linkerd_rules.validation.references import POLICY_GROUP, Ref, read_ref
from linkerd_rules.validation.route import Parent, Shown, read_shown

_MOST = 2**31 - 1


class LimitOverride(Struct, frozen=True, kw_only=True):
    """Clients that share a limit of their own."""

    rate: int
    accounts: tuple[ServiceAccount, ...]


class RateLimitPolicy(Resource, frozen=True, kw_only=True):
    """Limits of one Server; None is no limit."""

    server: str = ""
    total: int | None = None
    identity: int | None = None
    overrides: tuple[LimitOverride, ...] = ()
    shown: tuple[Shown, ...] = ()


def read_rate_limit_policy(obj: object) -> Reading[RateLimitPolicy]:
    """An HTTPLocalRateLimitPolicy."""
    shown = _shown(obj)

    def read(meta: Meta, _annotations: Fields, spec: Fields) -> RateLimitPolicy:
        return _rate_limit_policy(meta, spec, shown)

    return read_document(obj, read)


def server_parent(namespace: str, server: str) -> Parent:
    """The Server that a policy is for, as conditions name it."""
    return Parent(ref=Ref(group=POLICY_GROUP, kind="Server", namespace=namespace, name=server))


def _shown(obj: object) -> tuple[Shown, ...]:
    """The conditions in the status. What is not as it should be is left out, and so written again."""
    root = Fields(obj, "", [])
    namespace = Fields(root.raw("metadata") or {}, "", []).text("namespace")
    status = root.child("status")
    target = status.child("targetRef") if status is not None else None
    if status is None or target is None:
        return ()
    parent = server_parent(namespace, target.text("name"))
    return tuple(read_shown(one, parent) for one in status.children("conditions"))


def _rate_limit_policy(meta: Meta, spec: Fields, shown: tuple[Shown, ...]) -> RateLimitPolicy:
    target = spec.child("targetRef", required=True)
    server = ""
    if target is not None:
        ref = read_ref(target, meta.namespace)
        target.done()
        server = ref.name
        if target.has("kind") and (ref.group, ref.kind) != (POLICY_GROUP, "Server"):
            target.problem("kind", "must be Server, of group policy.linkerd.io")
        if ref.namespace != meta.namespace:
            target.problem("namespace", f"must be the policy's own, {meta.namespace}")
    total, identity = _rate(spec, "total"), _rate(spec, "identity")
    overrides = tuple(_override(fields, meta, total) for fields in spec.children("overrides"))
    if total is None and identity is None and not overrides:
        spec.problem("", "limits nothing: set total, identity or overrides")
    if total is not None and identity is not None and identity > total:
        spec.problem("identity.requestsPerSecond", f"must not be greater than total ({total})")
    return RateLimitPolicy(meta=meta, server=server, total=total, identity=identity, overrides=overrides, shown=shown)


def _rate(spec: Fields, name: str) -> int | None:
    fields = spec.child(name)
    if fields is None:
        return None
    rate = fields.integer("requestsPerSecond", 1, _MOST, required=True)
    fields.done()
    return rate


def _override(fields: Fields, meta: Meta, total: int | None) -> LimitOverride:
    rate = fields.integer("requestsPerSecond", 1, _MOST, required=True) or 1
    if total is not None and rate > total:
        fields.problem("requestsPerSecond", f"must not be greater than total ({total})")
    accounts: list[ServiceAccount] = []
    for item in fields.children("clientRefs", required=True):
        ref = read_ref(item, meta.namespace)
        item.done()
        if item.has("kind") and (ref.group, ref.kind) != ("", "ServiceAccount"):
            item.problem("kind", "must be ServiceAccount, of the core group")
        accounts.append(ServiceAccount(ref.namespace, ref.name))
    fields.done()
    return LimitOverride(rate=rate, accounts=tuple(accounts))
