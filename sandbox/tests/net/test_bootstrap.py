"""Which mode, and what is said where none works."""

import errno
from pathlib import Path

import pytest

from linkerd_sandbox.net import bootstrap

ALL = (1 << 41) - 1


@pytest.mark.parametrize(
    ("uid", "capabilities", "newuidmap", "subuids", "mode"),
    [
        (0, ALL, None, "", "root"),
        (1000, 0, "/usr/bin/newuidmap", "dev:100000:65536\n", "user"),
        (1000, 0, "/usr/bin/newuidmap", "1000:100000:65536\n", "user"),
        (1000, 0, "/usr/bin/newuidmap", "other:100000:65536\n", "one-uid"),
        (1000, 0, None, "dev:100000:65536\n", "one-uid"),
        (0, 0, None, "", "one-uid"),  # root of a container without rights
    ],
)
def test_mode(uid: int, capabilities: int, newuidmap: str | None, subuids: str, mode: str) -> None:
    assert bootstrap.mode_of(uid, capabilities, newuidmap, subuids, "dev") == mode


@pytest.mark.parametrize(
    ("apparmor", "container", "maximum", "clone", "cure"),
    [
        ("1\n", False, "100", "", "apparmor_restrict_unprivileged_userns=0"),
        ("0\n", False, "0\n", "1\n", "user.max_user_namespaces"),
        ("", True, "100", "", "--privileged"),
        ("", True, "100", "", "seccomp=unconfined"),
        ("", False, "100", "0\n", "unprivileged_userns_clone=1"),
        ("", False, "100", "", "run as root"),
    ],
)
def test_blockers_are_one_line_with_their_cure(
    apparmor: str, container: bool, maximum: str, clone: str, cure: str
) -> None:
    error = OSError(errno.EPERM, "unshare: Operation not permitted")
    text = bootstrap.explain(
        error, apparmor=apparmor, container=container, max_user_namespaces=maximum, userns_clone=clone
    )
    assert cure in text
    assert "\n" not in text


def test_who_runs_us(tmp_path: Path) -> None:
    assert not bootstrap.in_container(tmp_path)
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "proc/1/environ").write_bytes(b"A=b\0")
    assert not bootstrap.in_container(tmp_path)
    (tmp_path / "proc/1/environ").write_bytes(b"A=b\0KUBERNETES_SERVICE_HOST=10.0.0.1\0")
    assert bootstrap.in_container(tmp_path)
    (tmp_path / "proc/1/environ").unlink()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.containerenv").touch()
    assert bootstrap.in_container(tmp_path)
