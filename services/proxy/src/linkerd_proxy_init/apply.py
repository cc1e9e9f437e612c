"""Applying rules through the system's iptables programs, IPv4 first, each family in one transaction."""

import os
import shutil
import subprocess
from pathlib import Path

from linkerd_proxy_init.arguments import Arguments
from linkerd_proxy_init.rules import TABLE, commands, restore_text

_TIMEOUT_SECONDS = 30
_CLOSE_WAIT = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait")

SEARCH_PATH = f"{os.defpath}:/usr/local/sbin:/usr/sbin:/sbin"
"""iptables lives in /usr/sbin, which is not on every user's PATH."""


class ApplyError(Exception):
    """The rules are not in place; the message says which program said what."""


def programs(arguments: Arguments, version: int) -> tuple[str, str, str | None]:
    """iptables, iptables-save and, where there is one, iptables-restore of a family. Raises ApplyError."""
    firewall, save = (
        name if version == 4 else name.replace("iptables", "ip6tables") for name in (arguments.firewall, arguments.save)
    )
    found = []
    for name in (firewall, save):
        path = shutil.which(name, path=SEARCH_PATH)
        if path is None:
            raise ApplyError(f"{name} was not found; on Debian and Ubuntu it is in the package iptables")
        found.append(path)
    return found[0], found[1], shutil.which(f"{firewall}-restore", path=SEARCH_PATH)


def simulate(arguments: Arguments) -> str:
    """What `apply` would feed to iptables-restore, on a system without rules."""
    families = [4, 6] if arguments.ipv6 else [4]
    text = []
    for version in families:
        name = arguments.firewall if version == 4 else arguments.firewall.replace("iptables", "ip6tables")
        text.append(f"# {name}-restore --noflush\n{restore_text(arguments.rules, version)}")
    return "".join(text)


def apply(arguments: Arguments) -> None:
    """Put the rules in place. Raises ApplyError."""
    prefix = [] if arguments.netns is None else ["nsenter", f"--net={arguments.netns}"]
    for version in [4, 6] if arguments.ipv6 else [4]:
        firewall, save, restore = programs(arguments, version)
        saved = _run([*prefix, save, "-t", TABLE])
        wait = ["-w"] if arguments.wait else []
        if restore is not None:
            _run([*prefix, restore, "--noflush", *wait], restore_text(arguments.rules, version, saved))
        else:
            for command in commands(arguments.rules, version, saved):
                _run([*prefix, firewall, *wait, *command])
    if arguments.close_wait_seconds:
        try:
            _CLOSE_WAIT.write_text(str(arguments.close_wait_seconds))
        except OSError as error:
            raise ApplyError(f"cannot set the close-wait timeout: {error}") from error


def _run(command: list[str], text: str = "") -> str:
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ApplyError(str(error)) from error
    if done.returncode != 0:
        raise ApplyError(f"{' '.join(command)} failed with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
