"""Probes: how one is made, and what a row of results means.

Made from the node towards the pod's address, as kubelet does, so that they pass the pod's own redirection rules.
`Tally` is PURE: thresholds and the first result, which counts at once.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig_list
from linkerd_sandbox.kubelet import grpc_health
from linkerd_sandbox.kubelet.grpc_health import NotGrpc

_READ_LIMIT: Final = 10 << 10  # kubelet reads at most 10 kB of a body


@dataclass(frozen=True, slots=True)
class Result:
    ok: bool
    message: str = ""


Exec = Callable[[list[str], float], Awaitable[Result]]
"""Runs a command in the container within a number of seconds."""


class Tally:
    """Turns results into changes: a state flips after `threshold` results in a row that speak against it."""

    def __init__(self, success_threshold: int, failure_threshold: int) -> None:
        self._thresholds = {True: success_threshold, False: failure_threshold}
        self._last: bool | None = None
        self._run = 0

    def add(self, ok: bool) -> bool | None:
        """The state that this result establishes, or None where more of its kind are needed."""
        self._run = self._run + 1 if ok == self._last else 1
        self._last = ok
        return ok if self._run >= self._thresholds[ok] else None


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds and counts of a probe, with Kubernetes' defaults."""

    initial_delay: float
    period: float
    timeout: float
    success_threshold: int
    failure_threshold: int

    @classmethod
    def of(cls, probe: JsonObject) -> "Timing":
        def number(name: str, default: int) -> int:
            return int(probe.get(name) or default)

        return cls(
            float(probe.get("initialDelaySeconds") or 0),
            float(number("periodSeconds", 10)),
            float(number("timeoutSeconds", 1)),
            number("successThreshold", 1),
            number("failureThreshold", 3),
        )


def port_number(port: object, container: JsonObject) -> int:
    """A port given as number or as the name of one of the container's ports. Raises ValueError."""
    if isinstance(port, int):
        return port
    text = str(port)
    if text.isdigit():
        return int(text)
    for entry in dig_list(container, "ports"):
        if entry.get("name") == text:
            return int(entry["containerPort"])
    raise ValueError(f'port "{text}" is not a port of container {container.get("name")}')


async def run(probe: JsonObject, container: JsonObject, pod_ip: str, execute: Exec, timeout: float) -> Result:
    """One attempt. Never raises for what the probed side does."""
    try:
        if action := probe.get("httpGet"):
            return await http_get(action, container, pod_ip, timeout)
        if action := probe.get("tcpSocket"):
            return await _tcp(str(action.get("host") or pod_ip), port_number(action["port"], container), timeout)
        if action := probe.get("exec"):
            return await execute(list(action.get("command") or []), timeout)
        if action := probe.get("grpc"):
            return await _grpc(pod_ip, int(action["port"]), str(action.get("service") or ""), timeout)
    except ValueError as error:
        return Result(False, str(error))
    return Result(False, "the probe has no handler")


async def _tcp(host: str, port: int, timeout: float) -> Result:
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return Result(False, f"dial tcp {authority(host, port)}: {_reason(error)}")
    writer.close()
    return Result(True)


async def _grpc(host: str, port: int, service: str, timeout: float) -> Result:
    where = authority(host, port)
    try:
        async with asyncio.timeout(timeout):
            why = await grpc_health.check(host, port, service)
    except TimeoutError:
        return Result(False, f'timeout: failed to connect service "{where}" within {timeout:g}s')
    except (OSError, NotGrpc) as error:
        reason = _reason(error) if isinstance(error, OSError) else error
        return Result(False, f'failed to check service "{where}": {reason}')
    return Result(not why, why)


def authority(host: str, port: int) -> str:
    """host:port, an IPv6 host in brackets. PURE."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    return error.strerror or str(error)


async def http_get(action: JsonObject, container: JsonObject, pod_ip: str, timeout: float) -> Result:
    """GET as kubelet makes it: 200 to 399 is success, certificates are not verified. Raises ValueError: a bad port."""
    host = str(action.get("host") or pod_ip)
    port = port_number(action["port"], container)
    scheme = str(action.get("scheme") or "HTTP").lower()
    path = str(action.get("path") or "/")
    path = path if path.startswith("/") else f"/{path}"
    headers = {"Host": authority(host, port), "User-Agent": "kube-probe/1.32", "Accept": "*/*", "Connection": "close"}
    headers |= {str(header["name"]): str(header.get("value", "")) for header in action.get("httpHeaders") or []}
    head = f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    url = f"{scheme}://{authority(host, port)}{path}"
    try:
        async with asyncio.timeout(timeout):
            status, body = await _exchange(host, port, scheme == "https", head.encode())
    except TimeoutError:
        return Result(False, f'Get "{url}": context deadline exceeded')
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        reason = _reason(error) if isinstance(error, OSError) else "malformed HTTP response"
        return Result(False, f'Get "{url}": {reason}')
    if 200 <= status < 400:
        return Result(True)
    note = f": {body[:100].decode('utf-8', 'replace').strip()}" if body else ""
    return Result(False, f"HTTP probe failed with statuscode: {status}{note}")


async def _exchange(host: str, port: int, tls: bool, head: bytes) -> tuple[int, bytes]:
    context: ssl.SSLContext | None = None
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        writer.write(head)
        status = await reader.readline()
        while (await reader.readline()).strip():
            pass
        body = await reader.read(_READ_LIMIT)
    finally:
        writer.close()
    parts = status.split(b" ", 2)
    if len(parts) < 2 or not parts[1].isdigit():
        raise ValueError(status)
    return int(parts[1]), body
