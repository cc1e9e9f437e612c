"""`linkerd-destination`: discovery and policy."""

import os

from linkerd_destination.app import Application
from linkerd_destination.settings import Settings
from linkerd_runtime import service
from linkerd_runtime.process import Stop


def main() -> None:
    """Read the environment and run until SIGTERM."""
    service.main(lambda: Settings.read(os.environ), _run)


async def _run(settings: Settings, stop: Stop) -> None:
    await Application(settings).run(stop, os.environ)


if __name__ == "__main__":
    main()
