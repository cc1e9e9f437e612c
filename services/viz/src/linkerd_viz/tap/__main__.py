"""The command linkerd-viz-tap. Reads the process's environment."""

import os

from linkerd_runtime import service
from linkerd_viz.tap import app
from linkerd_viz.tap.settings import from_env


def main() -> None:
    """Entry point: exit 64 for bad settings, 1 for a failure, 0 when asked to stop."""
    environ = dict(os.environ)
    service.main(lambda: from_env(environ), lambda settings, stop: app.run(settings, environ, stop))


if __name__ == "__main__":
    main()
