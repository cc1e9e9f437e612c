"""The iptables rules of a meshed pod, PURE: settings in, text for iptables-restore out.

Inbound connections (PREROUTING) go to the proxy's inbound port, outbound ones (OUTPUT) to its outbound port. What
passes by: the proxy's own connections, loopback, ports and subnets to ignore. Linkerd's chains and order. Applying
twice gives the same rules: the chains are flushed by being declared, and old jumps to them are deleted first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

Ports = list[tuple[int, int]]
Networks = tuple[IPv4Network | IPv6Network, ...]

REDIRECT_CHAIN = "PROXY_INIT_REDIRECT"
OUTPUT_CHAIN = "PROXY_INIT_OUTPUT"
TABLE = "nat"

MULTIPORT_MAX = 15
"""Ports in one multiport match (XT_MULTI_PORTS); a range takes two places."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What to redirect. An empty `ports_to_redirect` means all inbound ports.

    The proxy's connections are told by their mark where `proxy_mark` is set (one-uid sandboxes, where `--uid-owner`
    fails with EINVAL), else by the proxy's uid and gid.
    """

    incoming_proxy_port: int = 4143
    outgoing_proxy_port: int = 4140
    proxy_uid: int | None = 2102
    proxy_gid: int | None = None
    proxy_mark: int | None = None
    ports_to_redirect: tuple[int, ...] = ()
    inbound_ports_to_ignore: tuple[tuple[int, int], ...] = ()
    outbound_ports_to_ignore: tuple[tuple[int, int], ...] = ()
    subnets_to_ignore: Networks = ()

    @property
    def exemptions(self) -> list[tuple[str, str]]:
        """Matches of the proxy's own connections, and what to call them."""
        if self.proxy_mark is not None:
            return [(f"-m mark --mark {self.proxy_mark:#x}", "ignore-proxy-mark")]
        found = []
        if self.proxy_uid is not None:
            found.append((f"-m owner --uid-owner {self.proxy_uid}", "ignore-proxy-user-id"))
        if self.proxy_gid is not None:
            found.append((f"-m owner --gid-owner {self.proxy_gid}", "ignore-proxy-group-id"))
        return found


def inbound_rules(rules: Rules, version: int) -> list[str]:
    """Rules of the chain that PREROUTING jumps to, without `-A`."""
    lines = _ignore_ports(REDIRECT_CHAIN, rules.inbound_ports_to_ignore)
    lines += [
        f"{REDIRECT_CHAIN} -s {subnet} -j RETURN {_comment('ignore-subnet')}"
        for subnet in rules.subnets_to_ignore
        if subnet.version == version
    ]
    if not rules.ports_to_redirect:
        lines.append(
            f"{REDIRECT_CHAIN} -p tcp -j REDIRECT --to-port {rules.incoming_proxy_port} "
            f"{_comment('redirect-all-incoming-to-proxy-port')}"
        )
    for port in rules.ports_to_redirect:
        lines.append(
            f"{REDIRECT_CHAIN} -p tcp --dport {port} -j REDIRECT --to-port {rules.incoming_proxy_port} "
            f"{_comment(f'redirect-port-{port}-to-proxy-port')}"
        )
    return lines


def outbound_rules(rules: Rules) -> list[str]:
    """Rules of the chain that OUTPUT jumps to, without `-A`."""
    return [
        *[f"{OUTPUT_CHAIN} {match} -j RETURN {_comment(name)}" for match, name in rules.exemptions],
        f"{OUTPUT_CHAIN} -o lo -j RETURN {_comment('ignore-loopback')}",
        *_ignore_ports(OUTPUT_CHAIN, rules.outbound_ports_to_ignore),
        f"{OUTPUT_CHAIN} -p tcp -j REDIRECT --to-port {rules.outgoing_proxy_port} "
        f"{_comment('redirect-all-outgoing-to-proxy-port')}",
    ]


def jumps() -> list[str]:
    """From the built-in chains, without `-A`."""
    return [
        f"PREROUTING -j {REDIRECT_CHAIN} {_comment('install-proxy-init-prerouting')}",
        f"OUTPUT -j {OUTPUT_CHAIN} {_comment('install-proxy-init-output')}",
    ]


def restore_text(rules: Rules, version: int, saved: str = "") -> str:
    """Input of `iptables-restore --noflush` (`version` 4) or `ip6tables-restore` (6).

    `saved` is what iptables-save says is there: jumps of an earlier run in it are deleted in the same transaction.
    """
    lines = [
        f"*{TABLE}",
        f":{REDIRECT_CHAIN} - [0:0]",
        f":{OUTPUT_CHAIN} - [0:0]",
        *[f"-D {jump}" for jump in existing_jumps(saved)],
        *[f"-A {rule}" for rule in (*inbound_rules(rules, version), *outbound_rules(rules), *jumps())],
        "COMMIT",
    ]
    return "\n".join(lines) + "\n"


def commands(rules: Rules, version: int, saved: str = "") -> list[list[str]]:
    """The same as arguments of single iptables calls, for systems without iptables-restore."""
    chains = (REDIRECT_CHAIN, OUTPUT_CHAIN)
    there = [chain for chain in chains if f":{chain} " in saved]
    steps = [f"-D {jump}" for jump in existing_jumps(saved)]
    steps += [f"-F {chain}" if chain in there else f"-N {chain}" for chain in chains]
    steps += [f"-A {rule}" for rule in (*inbound_rules(rules, version), *outbound_rules(rules), *jumps())]
    return [["-t", TABLE, *step.split()] for step in steps]


def existing_jumps(saved: str) -> list[str]:
    """Rules of built-in chains in iptables-save's output that jump to ours, without `-A`."""
    found = []
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif table == TABLE and line.startswith(("-A PREROUTING ", "-A OUTPUT ")):
            words = line.split()
            if "-j" in words and words[words.index("-j") + 1 :][:1] in ([REDIRECT_CHAIN], [OUTPUT_CHAIN]):
                found.append(line.removeprefix("-A ").replace('"', ""))
    return found


def _ignore_ports(chain: str, ports: Iterable[tuple[int, int]]) -> list[str]:
    return [
        f"{chain} -p tcp -m multiport --dports {group} -j RETURN {_comment('ignore-port-' + group)}"
        for group in multiport_groups(ports)
    ]


def multiport_groups(ports: Iterable[tuple[int, int]]) -> list[str]:
    """Port ranges as lists for `--dports`, each within the match's limit."""
    groups: list[list[str]] = [[]]
    places = 0
    for low, high in ports:
        size = 1 if low == high else 2
        if places + size > MULTIPORT_MAX:
            groups.append([])
            places = 0
        groups[-1].append(str(low) if low == high else f"{low}:{high}")
        places += size
    return [",".join(group) for group in groups if group]


def _comment(text: str) -> str:
    return f"-m comment --comment proxy-init/{text}"
