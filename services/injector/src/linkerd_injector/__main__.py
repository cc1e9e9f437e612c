"""`linkerd-injector`: the admission webhooks."""

import os
import sys
from typing import cast

from linkerd_injector.app import InjectorService
from linkerd_injector.settings import Settings
from linkerd_kube import KubeClient
from linkerd_kube.config import ConfigError
from linkerd_runtime import logs, process
from linkerd_runtime.settings import EXIT_BAD_SETTINGS, BadSettings


def main() -> None:
    """Read the environment and run until SIGTERM."""
    try:
        settings = Settings.from_env(os.environ)
    except BadSettings as bad:
        for message in bad.messages:
            sys.stderr.write(f"{message}\n")
        sys.exit(EXIT_BAD_SETTINGS)
    logs.configure(settings.log_level, cast("logs.Format", settings.log_format))

    async def run(stop: process.Stop) -> None:
        try:
            client = await KubeClient.connect()
        except ConfigError as error:
            stop.fail(str(error))
            return
        try:
            await InjectorService(settings, client).run(stop)
        finally:
            await client.close()

    process.run(run)


if __name__ == "__main__":
    main()
