"""Where this machine maps one user id only: the proxy's connections are told by a socket mark, not by its user. PURE.

`-m owner --uid-owner` refers to ids that do not exist in such a user namespace (EINVAL). The init step gets
`--proxy-mark` in place of `--proxy-uid`, the proxy LINKERD2_PROXY_SOCKET_MARK and the right to set it (CAP_NET_ADMIN).
tar, which is root there and would give files to whoever their archive names (`kubectl cp`), is told not to. Nothing
else differs from the other modes.
"""

from collections.abc import Sequence
from typing import Final

MARK: Final = 0x4C35  # "L5"
ENV: Final = {"LINKERD2_PROXY_SOCKET_MARK": str(MARK)}
EVERYWHERE: Final = {"TAR_OPTIONS": "--no-same-owner"}
"""In every container's environment."""
_REPLACED: Final = ("--proxy-uid", "-u", "--proxy-gid")


def init_arguments(argv: Sequence[str]) -> list[str]:
    """The init step's command line, with the mark in place of ids; a line without ids is left as it is."""
    kept: list[str] = []
    words = iter(argv)
    found = False
    for word in words:
        name, equals, _ = word.partition("=")
        if name not in _REPLACED:
            kept.append(word)
            continue
        found = True
        if not equals:
            next(words, None)
    return [*kept, "--proxy-mark", str(MARK)] if found else kept
