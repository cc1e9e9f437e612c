"""linkerd-proxy: the sidecar. Exit codes: 0 after a drain, 1 where it cannot run, 64 for a bad environment."""

import asyncio
import logging
import os
import signal
import sys

# aiohttp reads all of the system's CA certificates when it is imported: half a second of processor time under load, and
# memory that stays. The proxy verifies against the mesh's own anchors only, so there is nothing to read.
os.environ["SSL_CERT_FILE"] = os.environ["SSL_CERT_DIR"] = os.devnull
# aiohttp's lists of signals, in C++, would be all that needs the C++ library: 1 MB. The same in Python is its fallback.
os.environ["FROZENLIST_NO_EXTENSIONS"] = "1"

from linkerd_proxy import app, heap
from linkerd_proxy.admin.loglevel import LogLevel
from linkerd_proxy.overrides import Overrides
from linkerd_proxy.settings import PREFIX, LogFormat, Settings
from linkerd_proxy.telemetry.logs import JsonFormatter
from linkerd_proxy.transport import mark
from linkerd_proxy.workers.follower import from_descriptor
from linkerd_proxy.workers.leader import FOLLOW
from linkerd_runtime.process import Stop
from linkerd_runtime.settings import EXIT_BAD_SETTINGS, BadSettings


def main() -> int:
    """Read the environment, run until SIGTERM or SIGINT."""
    errors: list[str] = []
    settings: Settings | None = None
    overrides = Overrides()
    try:
        settings = Settings.from_env(os.environ)
    except BadSettings as error:
        errors += error.messages
    try:
        overrides = Overrides.from_env(os.environ)
    except BadSettings as error:
        errors += error.messages
    if settings is None or errors:
        for message in errors:
            sys.stderr.write(f"invalid configuration: {message}\n")
        return EXIT_BAD_SETTINGS
    try:
        log_level = LogLevel(settings.log)
    except ValueError as error:
        sys.stderr.write(f"invalid configuration: {PREFIX}LOG: {error}\n")
        return EXIT_BAD_SETTINGS
    configure_log(settings.log_format)
    for sentence in settings.ignored:
        logging.getLogger("linkerd_proxy").warning("%s", sentence)
    if settings.socket_mark:
        try:
            mark.check(settings.socket_mark)
        except mark.MarkRefused as error:
            logging.getLogger("linkerd_proxy").error("cannot start: %s", error)
            return 1
    heap.keep()
    environment = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    leader, followers = None, 0
    if sys.argv[1:2] == [FOLLOW]:
        leader = from_descriptor(int(sys.argv[2]))
    else:
        followers = settings.cores.count(len(os.sched_getaffinity(0))) - 1
    options = app.Options(environment, log_level, overrides, followers, leader)
    with asyncio.Runner(loop_factory=mark.loop_factory(settings.socket_mark)) as runner:
        return runner.run(serve(settings, options))


async def serve(settings: Settings, options: app.Options) -> int:
    """One proxy, stopped by a signal; a second one ends it at once."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.request)
    return await app.main(settings, options, stop)


def configure_log(log_format: LogFormat) -> None:
    """One line each on standard error."""
    logging.basicConfig(format="[%(asctime)s] %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if log_format is LogFormat.json:
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonFormatter())


if __name__ == "__main__":
    sys.exit(main())
