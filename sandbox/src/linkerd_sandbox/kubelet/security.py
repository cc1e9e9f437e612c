"""Who a container runs as and what it may do: the pod's and the container's securityContext, resolved. PURE."""

from dataclasses import dataclass

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig_list, dig_map
from linkerd_sandbox.kubelet import capabilities
from linkerd_sandbox.kubelet.environment import ConfigError

_NET_ADMIN = 1 << capabilities.NUMBERS["NET_ADMIN"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Ids are None where this machine maps only one (mode one-uid)."""

    uid: int | None
    gid: int | None
    groups: tuple[int, ...]
    bounding: int
    ambient: int
    no_new_privileges: bool
    read_only_root: bool


def resolve(
    pod: JsonObject, container: JsonObject, image_user: int, *, one_uid: bool, is_proxy: bool = False
) -> Identity:
    """The container's context over the pod's over the image's user. Raises ConfigError as kubelet would refuse."""
    of_pod, own = dig_map(pod, "spec", "securityContext"), dig_map(container, "securityContext")
    context = of_pod | own
    uid = context.get("runAsUser")
    uid = image_user if uid is None else int(uid)
    gid = context.get("runAsGroup")
    gid = (uid if uid == image_user and uid else 0) if gid is None else int(gid)
    if context.get("runAsNonRoot") and uid == 0:
        raise ConfigError("container has runAsNonRoot and image will run as root")
    caps = dig_map(own, "capabilities")
    try:
        added = [str(name) for name in dig_list(caps, "add")]
        bounding = capabilities.bounding(added, [str(name) for name in dig_list(caps, "drop")])
        ambient = capabilities.mask(added) if uid else 0
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if own.get("privileged"):
        bounding = capabilities.ALL
    groups = [int(group) for group in dig_list(of_pod, "supplementalGroups")]
    if "fsGroup" in of_pod:
        groups.append(int(of_pod["fsGroup"]))
    if one_uid:
        uid = gid = None
        asked = is_proxy or capabilities.mask(added) & _NET_ADMIN
        # everybody is root in here: only the mesh's own may change the pod's rules or mark its sockets
        bounding = bounding | _NET_ADMIN if asked else bounding & ~_NET_ADMIN
    return Identity(
        uid,
        gid,
        tuple(groups),
        bounding,
        ambient,
        own.get("allowPrivilegeEscalation") is False,
        bool(own.get("readOnlyRootFilesystem")),
    )
