"""Flags of `linkerd inject` that become annotations: a table, checked by the parsers that the webhook uses."""

import argparse
from dataclasses import dataclass

from linkerd_cli.errors import UsageError
from linkerd_cli.usage import Parser
from linkerd_contract.names import CONFIG_PREFIX


@dataclass(frozen=True, slots=True)
class ConfigFlag:
    """A flag and its annotation; `value` is what a flag without a value writes."""

    flag: str
    annotation: str
    value: str = ""
    short: str = ""
    metavar: str = "VALUE"


FLAGS: tuple[ConfigFlag, ...] = (
    ConfigFlag("--proxy-image", CONFIG_PREFIX + "proxy-image", metavar="IMAGE"),
    ConfigFlag("--proxy-version", CONFIG_PREFIX + "proxy-version", short="-v", metavar="TAG"),
    ConfigFlag("--image-pull-policy", CONFIG_PREFIX + "image-pull-policy", metavar="POLICY"),
    ConfigFlag("--inbound-port", CONFIG_PREFIX + "inbound-port", metavar="PORT"),
    ConfigFlag("--outbound-port", CONFIG_PREFIX + "outbound-port", metavar="PORT"),
    ConfigFlag("--control-port", CONFIG_PREFIX + "control-port", metavar="PORT"),
    ConfigFlag("--admin-port", CONFIG_PREFIX + "admin-port", metavar="PORT"),
    ConfigFlag("--skip-inbound-ports", CONFIG_PREFIX + "skip-inbound-ports", metavar="PORTS"),
    ConfigFlag("--skip-outbound-ports", CONFIG_PREFIX + "skip-outbound-ports", metavar="PORTS"),
    ConfigFlag("--skip-subnets", CONFIG_PREFIX + "skip-subnets", metavar="CIDRS"),
    ConfigFlag("--opaque-ports", CONFIG_PREFIX + "opaque-ports", metavar="PORTS"),
    ConfigFlag(
        "--require-identity-on-inbound-ports", CONFIG_PREFIX + "proxy-require-identity-inbound-ports", metavar="PORTS"
    ),
    ConfigFlag("--proxy-uid", CONFIG_PREFIX + "proxy-uid", metavar="UID"),
    ConfigFlag("--proxy-gid", CONFIG_PREFIX + "proxy-gid", metavar="GID"),
    ConfigFlag("--proxy-log-level", CONFIG_PREFIX + "proxy-log-level", metavar="LEVEL"),
    ConfigFlag("--proxy-cpu-request", CONFIG_PREFIX + "proxy-cpu-request", metavar="QUANTITY"),
    ConfigFlag("--proxy-cpu-limit", CONFIG_PREFIX + "proxy-cpu-limit", metavar="QUANTITY"),
    ConfigFlag("--proxy-memory-request", CONFIG_PREFIX + "proxy-memory-request", metavar="QUANTITY"),
    ConfigFlag("--proxy-memory-limit", CONFIG_PREFIX + "proxy-memory-limit", metavar="QUANTITY"),
    ConfigFlag("--default-inbound-policy", CONFIG_PREFIX + "default-inbound-policy", metavar="POLICY"),
    ConfigFlag("--close-wait-timeout", CONFIG_PREFIX + "close-wait-timeout", metavar="DURATION"),
    ConfigFlag(
        "--wait-before-exit-seconds", "config.alpha.linkerd.io/proxy-wait-before-exit-seconds", metavar="SECONDS"
    ),
    ConfigFlag("--enable-debug-sidecar", CONFIG_PREFIX + "enable-debug-sidecar", "true"),
    ConfigFlag("--enable-external-profiles", CONFIG_PREFIX + "enable-external-profiles", "true"),
    ConfigFlag("--native-sidecar", CONFIG_PREFIX + "proxy-enable-native-sidecar", "true"),
)


def add_config_flags(parser: Parser) -> None:
    """Every flag of the table."""
    group = parser.add_argument_group("configuration of the proxy, written as annotations")
    for row in FLAGS:
        flags = [row.short, row.flag] if row.short else [row.flag]
        if row.value:
            group.add_argument(*flags, action="store_true", help=row.annotation)
        else:
            group.add_argument(*flags, metavar=row.metavar, help=row.annotation)


def annotations_of(args: argparse.Namespace) -> dict[str, str]:
    """Annotations of the flags that were given. Raises UsageError for a value that the injector would not take."""
    from linkerd_rules.injection.annotations import SETTINGS

    parsers = {setting.annotation: setting.parse for setting in SETTINGS}
    annotations: dict[str, str] = {}
    for row in FLAGS:
        given: str | bool | None = getattr(args, row.flag.removeprefix("--").replace("-", "_"))
        if given is None or given is False:
            continue
        value = row.value or str(given)  # "" is a value too: no ports to skip
        try:
            parsers[row.annotation](value)
        except ValueError as error:
            raise UsageError(f"{row.flag}: {error}") from error
        annotations[row.annotation] = value
    return annotations
