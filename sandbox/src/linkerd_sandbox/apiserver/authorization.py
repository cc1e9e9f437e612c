"""Whether a user may do what a request asks. Administrators may; everybody else needs a rule."""

from linkerd_sandbox.apiserver import rbac, status
from linkerd_sandbox.apiserver.identity import MASTERS, User
from linkerd_sandbox.apiserver.requests import RequestInfo
from linkerd_sandbox.apiserver.store import Store


class Authorizer:
    """RBAC over the roles and bindings in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, user: User, info: RequestInfo) -> bool:
        """Whether the user may."""
        return MASTERS in user.groups or rbac.allows(self._store, user, info)

    def require(self, user: User, info: RequestInfo) -> None:
        """Raise `StatusError` 403, in Kubernetes' words, unless the user may."""
        if self.allows(user, info):
            return
        if not info.resource_request:
            raise status.forbidden("", "", f'User "{user.name}" cannot {info.verb} path "{info.path}"')
        resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
        where = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
        why = f'User "{user.name}" cannot {info.verb} resource "{resource}" in API group "{info.group}" {where}'
        raise status.forbidden(info.qualified, info.name, why)
