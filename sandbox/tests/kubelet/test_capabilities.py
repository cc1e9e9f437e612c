"""Capability names and sets."""

import pytest

from linkerd_sandbox.kubelet import capabilities


def test_numbers_are_the_kernels() -> None:
    numbers = {"CHOWN": 0, "SETPCAP": 8, "NET_ADMIN": 12, "NET_RAW": 13, "SYS_ADMIN": 21, "CHECKPOINT_RESTORE": 40}
    assert {name: capabilities.NUMBERS[name] for name in numbers} == numbers


def test_docker_s_default() -> None:
    assert capabilities.DEFAULT == 0xA80425FB  # what `docker run debian grep CapBnd /proc/self/status` prints


def test_drop_and_add() -> None:
    assert capabilities.bounding([], ["ALL"]) == 0
    assert capabilities.bounding(["NET_ADMIN", "cap_net_raw"], ["ALL"]) == 1 << 12 | 1 << 13
    assert capabilities.bounding(["ALL"], []) == capabilities.ALL


def test_unknown() -> None:
    with pytest.raises(ValueError, match='unknown capability "FLY"'):
        capabilities.mask(["FLY"])
