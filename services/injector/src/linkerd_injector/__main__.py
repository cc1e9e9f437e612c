"""`linkerd-injector`: the admission webhooks."""

import os

from linkerd_injector.app import InjectorService
from linkerd_injector.settings import Settings
from linkerd_kube.config import with_client
from linkerd_runtime import service
from linkerd_runtime.process import Stop


def main() -> None:
    """Read the environment and run until SIGTERM."""
    service.main(lambda: Settings.from_env(os.environ), _run)


async def _run(settings: Settings, stop: Stop) -> None:
    await with_client(lambda client: InjectorService(settings, client).run(stop), stop.fail)


if __name__ == "__main__":
    main()
