"""What the two gRPC servers share: one server, its port, its metrics, an orderly end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from typing import Any

import grpc
import prometheus_client

GRACE_SECONDS = 5.0


async def serve(handlers: Iterable[grpc.GenericRpcHandler[Any, Any]], grpc_port: int, metrics_port: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish the calls in flight."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(handlers))
    server.add_insecure_port(f"0.0.0.0:{grpc_port}")
    await server.start()
    prometheus_client.start_http_server(metrics_port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.stop(GRACE_SECONDS)
