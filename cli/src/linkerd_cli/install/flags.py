"""Flags of `install` and `upgrade` that stand for values: Linkerd's names, a table. Values files become the same."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from linkerd_cli.documents import load, split
from linkerd_cli.errors import CliError, NotImplementedYet, UsageError, cause
from linkerd_cli.install.settings import parse_assignments
from linkerd_cli.tree import JsonObject
from linkerd_cli.usage import Parser
from linkerd_contract import names

VALUE_FLAGS: dict[str, str] = {
    "--controller-replicas": "controllerReplicas",
    "--controller-uid": "controllerUID",
    "--controller-log-level": "controllerLogLevel",
    "--cluster-domain": "clusterDomain",
    "--identity-trust-domain": "identityTrustDomain",
    "--identity-issuance-lifetime": "identity.issuer.issuanceLifetime",
    "--identity-clock-skew-allowance": "identity.issuer.clockSkewAllowance",
    "--proxy-image": "proxy.image.name",
    "--proxy-version": "proxy.image.version",
    "--image-pull-policy": "imagePullPolicy",
    "--inbound-port": "proxy.ports.inbound",
    "--outbound-port": "proxy.ports.outbound",
    "--control-port": "proxy.ports.control",
    "--admin-port": "proxy.ports.admin",
    "--skip-inbound-ports": "proxyInit.ignoreInboundPorts",
    "--skip-outbound-ports": "proxyInit.ignoreOutboundPorts",
    "--proxy-uid": "proxy.uid",
    "--proxy-gid": "proxy.gid",
    "--proxy-log-level": "proxy.logLevel",
    "--proxy-cpu-request": "proxy.resources.cpu.request",
    "--proxy-cpu-limit": "proxy.resources.cpu.limit",
    "--proxy-memory-request": "proxy.resources.memory.request",
    "--proxy-memory-limit": "proxy.resources.memory.limit",
    "--default-inbound-policy": "proxy.defaultInboundPolicy",
}
SWITCHES: dict[str, str] = {
    "--enable-external-profiles": "proxy.enableExternalProfiles",
    "--identity-external-issuer": "identity.issuer.scheme",
    "--identity-external-ca": "identity.externalCA",
    "--linkerd-cni-enabled": "cniEnabled",
}
"""Flags without a value, which mean true (or, of a scheme, the one of other issuers)."""
_SWITCHED_ON = {"identity.issuer.scheme": "kubernetes.io/tls"}
_NO_EFFECT = {"--disable-heartbeat": "accepted: there is no heartbeat"}
_NOT_IMPLEMENTED = ("--disable-h2-upgrade",)
_HA = "highAvailability"


def add_value_flags(parser: Parser) -> None:
    """`--set`, `--values`, `--registry`, `--ha` and the table."""
    parser.add_argument("--ha", action="store_true", help="three replicas each, webhooks that must answer")
    parser.add_argument(
        "--set", dest="assignments", action="append", default=[], metavar="KEY=VALUE", help="a value, by its Helm name"
    )
    parser.add_argument(
        "--set-string",
        dest="assignments",
        action="append",
        metavar="KEY=VALUE",
        help="the same: values keep their types",
    )
    parser.add_argument("--values", metavar="FILE", action="append", default=[], help="values in a YAML file")
    parser.add_argument("--registry", metavar="NAME", help=f"of images (default {names.REGISTRY})")
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="default yaml")
    group = parser.add_argument_group("values")
    for flag, key in VALUE_FLAGS.items():
        short = ["-v"] if flag == "--proxy-version" else []
        group.add_argument(*short, flag, metavar="VALUE", help=key)
    for flag, key in SWITCHES.items():
        group.add_argument(flag, action="store_true", help=key)
    for flag, text in _NO_EFFECT.items():
        group.add_argument(flag, action="store_true", help=text)
    for flag in _NOT_IMPLEMENTED:
        group.add_argument(flag, action="store_true", help=argparse.SUPPRESS)


def assignments_of(args: argparse.Namespace) -> list[str]:
    """KEY=VALUE of files, then flags, then --set: what comes later wins. Raises CliError."""
    for flag in _NOT_IMPLEMENTED:
        if getattr(args, _name(flag)):
            raise NotImplementedYet(flag)
    found: list[str] = []
    for file in args.values:
        found += _of_file(file)
    for flag, key in VALUE_FLAGS.items():
        value: str | None = getattr(args, _name(flag))
        if value is not None:
            found.append(assignment(key, value))
    found += [
        assignment(key, _SWITCHED_ON.get(key, True)) for flag, key in SWITCHES.items() if getattr(args, _name(flag))
    ]
    return [*found, *args.assignments]


def _name(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def assignment(key: str, value: object) -> str:
    """As --set takes it."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{key}={text}".replace(",", "\\,")


def take_ha(assignments: list[str], ha: bool) -> tuple[list[str], bool]:
    """`highAvailability=true` is --ha: the assignments without it, and whether it is asked for. Raises UsageError."""
    kept: list[str] = []
    for key, value in parse_assignments(assignments):
        if key != _HA:
            kept.append(assignment(key, value))
        elif value == "true":
            ha = True
        elif ha or value != "false":
            raise UsageError(f"--set {_HA}={value} contradicts --ha" if ha else f"--set {_HA}={value}: not a boolean")
    return kept, ha


def _of_file(path: str) -> Iterator[str]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"--values {path}: {cause(error)}") from error
    for document in split(text, path):
        value = load(document)
        if value is None:
            continue
        if not isinstance(value, dict):
            raise CliError(f"--values {path}: not a mapping")
        yield from _leaves(value, "")


def _leaves(values: JsonObject, prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        elif value is not None:
            yield assignment(f"{prefix}{key}", value)
