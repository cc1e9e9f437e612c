"""The `linkerd` command. The only place that reads the process's environment."""

import os
import sys

from linkerd_cli.app import main as run


def main() -> None:
    """Entry point."""
    sys.exit(run(sys.argv[1:], os.environ))


if __name__ == "__main__":
    main()
