"""`linkerd-destination`: reads the environment and runs until SIGTERM."""

import os
import sys
from typing import Literal, cast

from linkerd_destination.app import Application
from linkerd_destination.settings import Settings
from linkerd_runtime import logs, process
from linkerd_runtime.settings import EXIT_BAD_SETTINGS, BadSettings


def main() -> None:
    """Exits with 64 when the environment cannot be used, having named every bad variable."""
    try:
        settings = Settings.read(os.environ)
    except BadSettings as error:
        for message in error.messages:
            print(message, file=sys.stderr)  # noqa: T201 - logs are not configured yet
        sys.exit(EXIT_BAD_SETTINGS)
    logs.configure(settings.log_level, cast("Literal['plain', 'json']", settings.log_format))

    async def run(stop: process.Stop) -> None:
        await Application(settings).run(stop, os.environ)

    process.run(run)


if __name__ == "__main__":
    main()
