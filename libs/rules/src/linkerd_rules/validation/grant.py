"""ReferenceGrant (gateway.networking.k8s.io): lets routes of other namespaces name objects of this one as backends."""

from linkerd_rules.validation.fields import Fields
from linkerd_rules.validation.meta import Meta, Reading, Resource, read_document
from linkerd_rules.validation.references import Ref


class ReferenceGrant(Resource, frozen=True, kw_only=True):
    """`sources` are kinds in namespaces; `targets` are objects here, an empty name is all of the kind."""

    sources: tuple[Ref, ...] = ()
    targets: tuple[Ref, ...] = ()

    def allows(self, source: Ref, target: Ref) -> bool:
        """Whether `source`, whose name does not matter, may name `target`."""
        from_kind = (source.group, source.kind, source.namespace)
        if target.namespace != self.meta.namespace:
            return False
        if not any((one.group, one.kind, one.namespace) == from_kind for one in self.sources):
            return False
        to_kind = (target.group, target.kind)
        return any((one.group, one.kind) == to_kind and one.name in ("", target.name) for one in self.targets)


def read_reference_grant(obj: object) -> Reading[ReferenceGrant]:
    """A ReferenceGrant."""
    return read_document(obj, _grant)


def _grant(meta: Meta, _annotations: Fields, spec: Fields) -> ReferenceGrant:
    sources = [_end(fields, fields.text("namespace", required=True)) for fields in spec.children("from", required=True)]
    targets = [_end(fields, meta.namespace) for fields in spec.children("to", required=True)]
    return ReferenceGrant(meta=meta, sources=tuple(sources), targets=tuple(targets))


def _end(fields: Fields, namespace: str) -> Ref:
    group = fields.text("group")
    ref = Ref(
        group="" if group == "core" else group,
        kind=fields.text("kind", required=True),
        namespace=namespace,
        name=fields.text("name"),
    )
    fields.done()
    return ref
