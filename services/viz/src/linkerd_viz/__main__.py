"""The command linkerd-viz-metrics-api. The only place that reads the process's environment."""

import os

from linkerd_runtime import service
from linkerd_viz import app
from linkerd_viz.settings import from_env


def main() -> None:
    """Entry point: exit 64 for bad settings, 1 for a failure, 0 when asked to stop."""
    environ = dict(os.environ)
    service.main(lambda: from_env(environ), lambda settings, stop: app.run(settings, environ, stop))


if __name__ == "__main__":
    main()
