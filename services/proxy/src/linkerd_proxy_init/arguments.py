"""The arguments of linkerd2-proxy-init."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import NoReturn

from linkerd_contract.durations import parse_ports
from linkerd_contract.names import PORT_INBOUND, PORT_OUTBOUND
from linkerd_proxy_init.rules import Networks, Rules


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line says. `close_wait_seconds` 0 leaves the kernel's timeout."""

    rules: Rules
    simulate: bool
    ipv6: bool
    firewall: str
    save: str
    netns: str | None
    close_wait_seconds: int
    log_format: str
    log_level: str
    wait: bool


def parse(argv: Sequence[str]) -> Arguments:
    """Parse. Raises SystemExit with 64 and a message for bad arguments."""
    found = _parser().parse_args(argv)
    return Arguments(
        rules=Rules(
            incoming_proxy_port=found.incoming_proxy_port,
            outgoing_proxy_port=found.outgoing_proxy_port,
            proxy_uid=found.proxy_uid if found.proxy_uid > 0 else None,
            proxy_gid=found.proxy_gid if found.proxy_gid > 0 else None,
            proxy_mark=found.proxy_mark,
            ports_to_redirect=found.ports_to_redirect,
            inbound_ports_to_ignore=found.inbound_ports_to_ignore,
            outbound_ports_to_ignore=found.outbound_ports_to_ignore,
            subnets_to_ignore=found.subnets_to_ignore,
        ),
        simulate=found.simulate,
        ipv6=found.ipv6,
        firewall=found.firewall_bin_path,
        save=found.firewall_save_bin_path,
        netns=found.netns or None,
        close_wait_seconds=found.timeout_close_wait_secs,
        log_format=found.log_format,
        log_level=found.log_level,
        wait=found.use_wait_flag,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(64, f"{self.prog}: {message}\n")


def _boolean(text: str) -> bool:
    """Go's flag syntax: --flag, --flag=true, --flag=false."""
    if text.lower() in ("true", "1", "t"):
        return True
    if text.lower() in ("false", "0", "f"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _ports(text: str) -> tuple[tuple[int, int], ...]:
    try:
        return tuple(parse_ports(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port_list(text: str) -> tuple[int, ...]:
    return tuple(_port(part.strip()) for part in text.split(",") if part.strip())


def _subnets(text: str) -> Networks:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _mark(text: str) -> int:
    try:
        mark = int(text, 0)
    except ValueError:
        mark = -1
    if not 0 < mark < 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a mark such as 0x1002")
    return mark


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="linkerd2-proxy-init",
        description="Set up iptables rules that send a pod's TCP connections through its proxy.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-p", "--incoming-proxy-port", type=_port, default=PORT_INBOUND, help="where inbound connections go")
    add("-o", "--outgoing-proxy-port", type=_port, default=PORT_OUTBOUND, help="where outbound connections go")
    add("-u", "--proxy-uid", type=int, default=-1, help="user of the proxy, whose connections pass by")
    add("--proxy-gid", type=int, default=-1, help="group of the proxy, whose connections pass by")
    add("--proxy-mark", type=_mark, default=None, help="socket mark of the proxy, instead of its user and group")
    add("-r", "--ports-to-redirect", type=_port_list, default=(), help="only these inbound ports (default: all)")
    add("--inbound-ports-to-ignore", type=_ports, default=(), help="inbound ports and ranges that pass by")
    add("--outbound-ports-to-ignore", type=_ports, default=(), help="outbound ports and ranges that pass by")
    add("--subnets-to-ignore", type=_subnets, default=(), help="inbound connections from these pass by")
    flag = {"nargs": "?", "const": True, "type": _boolean}
    add("--simulate", default=False, help="print the rules, change nothing", **flag)  # type: ignore[arg-type]
    add("--ipv6", default=True, help="IPv6 rules too", **flag)  # type: ignore[arg-type]
    add("-w", "--use-wait-flag", default=False, help="wait for the xtables lock", **flag)  # type: ignore[arg-type]
    add("--netns", default="", help="path of the network namespace to work in")
    add("--timeout-close-wait-secs", type=int, default=0, help="nf_conntrack_tcp_timeout_close_wait")
    add("--firewall-bin-path", default="iptables", help="iptables, iptables-nft or iptables-legacy")
    add("--firewall-save-bin-path", default="iptables-save", help="the -save program that goes with it")
    add("--log-format", choices=("plain", "json"), default="plain")
    add("--log-level", choices=("trace", "debug", "info", "warn", "error", "fatal", "panic"), default="info")
    return parser
