"""Which mode, and what is said where none works."""

import errno

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
    ("apparmor", "docker", "maximum", "cure"),
    [
        ("1\n", False, "100", "apparmor_restrict_unprivileged_userns=0"),
        ("0\n", False, "0\n", "user.max_user_namespaces"),
        ("", True, "100", "--privileged"),
        ("", False, "100", "run as root"),
    ],
)
def test_blockers_are_one_line_with_their_cure(apparmor: str, docker: bool, maximum: str, cure: str) -> None:
    error = OSError(errno.EPERM, "unshare: Operation not permitted")
    text = bootstrap.explain(error, apparmor=apparmor, docker=docker, max_user_namespaces=maximum)
    assert cure in text
    assert "\n" not in text
