"""`python -m linkerd_sandbox.apiserver`.

The API server alone, for tests and development. It has no controllers and no node.
"""

import argparse
import asyncio
import signal
import socket
import sys
from pathlib import Path

from linkerd_sandbox.apiserver.node import NoNode
from linkerd_sandbox.apiserver.server import ApiServer


async def _serve(port: int, directory: Path) -> None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    server = ApiServer(sockets=[listener], directory=directory, node=NoNode(), advertise=address)
    await server.start()
    kubeconfig = directory / "admin.conf"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(server.admin_kubeconfig(f"https://{address}"))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    print(f"ready: https://{address} (KUBECONFIG={kubeconfig})", flush=True)
    await stop.wait()
    await server.stop()


def main() -> int:
    """Serve on loopback until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m linkerd_sandbox.apiserver", description=__doc__)
    parser.add_argument("--port", type=int, default=6443, help="port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument("--directory", type=Path, required=True, help="where certificates, keys and admin.conf go")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
