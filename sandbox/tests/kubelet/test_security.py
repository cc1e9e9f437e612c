"""Who a container runs as."""

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.kubelet import capabilities, security
from linkerd_sandbox.kubelet.environment import ConfigError

NET_ADMIN = 1 << 12


def resolve(
    pod: JsonObject, own: JsonObject, image_user: int = 0, *, one_uid: bool = False, is_proxy: bool = False
) -> security.Identity:
    spec = {"spec": {"securityContext": pod}}
    return security.resolve(spec, {"securityContext": own}, image_user, one_uid=one_uid, is_proxy=is_proxy)


def test_the_container_wins_over_the_pod_over_the_image() -> None:
    assert resolve({"runAsUser": 1}, {"runAsUser": 2}, 3).uid == 2
    assert resolve({"runAsUser": 1}, {}, 3).uid == 1
    assert resolve({}, {}, 3).uid == 3
    assert resolve({}, {"runAsUser": 2102, "runAsGroup": 5}).gid == 5
    assert resolve({"fsGroup": 7, "supplementalGroups": [8]}, {}).groups == (8, 7)


def test_non_root_is_enforced() -> None:
    with pytest.raises(ConfigError, match="runAsNonRoot"):
        resolve({"runAsNonRoot": True}, {})
    assert resolve({"runAsNonRoot": True}, {}, 2103).uid == 2103


def test_added_capabilities_reach_a_user() -> None:
    """linkerd-init: not root, NET_ADMIN added, no privilege escalation."""
    who = resolve({}, {"runAsUser": 65534, "capabilities": {"add": ["NET_ADMIN"]}, "allowPrivilegeEscalation": False})
    assert who.ambient == NET_ADMIN
    assert who.bounding & NET_ADMIN
    assert who.no_new_privileges


def test_one_uid() -> None:
    who = resolve({}, {"runAsUser": 2102}, one_uid=True)
    assert (who.uid, who.gid) == (None, None)
    assert not who.bounding & NET_ADMIN, "an app must not change the pod's rules"
    assert resolve({}, {"capabilities": {"drop": ["ALL"]}}, one_uid=True, is_proxy=True).bounding == NET_ADMIN
    assert resolve({}, {"capabilities": {"add": ["NET_ADMIN"]}}, one_uid=True).bounding & NET_ADMIN


def test_bad_names_and_privilege() -> None:
    with pytest.raises(ConfigError, match="FLY"):
        resolve({}, {"capabilities": {"add": ["FLY"]}})
    assert resolve({}, {"privileged": True}).bounding == capabilities.ALL
