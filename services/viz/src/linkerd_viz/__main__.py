"""The command linkerd-viz-metrics-api. The only place that reads the process's environment."""

import os
import sys
from typing import Literal, cast

from linkerd_runtime import logs, process
from linkerd_runtime.settings import EXIT_BAD_SETTINGS, BadSettings
from linkerd_viz import app
from linkerd_viz.settings import from_env


def main() -> None:
    """Entry point: exit 64 for bad settings, 1 for a failure, 0 when asked to stop."""
    environ = dict(os.environ)
    try:
        settings = from_env(environ)
    except BadSettings as error:
        for message in error.messages:
            sys.stderr.write(f"{message}\n")
        sys.exit(EXIT_BAD_SETTINGS)
    logs.configure(settings.log_level, cast(Literal["plain", "json"], settings.log_format))
    process.run(lambda stop: app.run(settings, environ, stop))


if __name__ == "__main__":
    main()
