"""linkerd2-proxy-init: exit 0 with the rules in place, 1 where that failed, 64 for bad arguments."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from linkerd_proxy_init.apply import ApplyError, apply, simulate
from linkerd_proxy_init.arguments import Arguments, parse
from linkerd_proxy_init.rules import restore_text


def log(arguments: Arguments, level: str, message: str) -> None:
    """One line on standard error, in the format asked for."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if arguments.log_format == "json":
        print(json.dumps({"time": now, "level": level, "msg": message}), file=sys.stderr)
    else:
        print(f"{now} {level} {message}", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """The program."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    if arguments.simulate:
        print(simulate(arguments), end="")
        return 0
    try:
        apply(arguments)
    except ApplyError as error:
        log(arguments, "error", str(error))
        return 1
    if arguments.log_level in ("trace", "debug", "info"):
        rules = restore_text(arguments.rules, 4).count("\n-A ")
        families = "IPv4 and IPv6" if arguments.ipv6 else "IPv4"
        log(arguments, "info", f"{rules} rules in place ({families})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
