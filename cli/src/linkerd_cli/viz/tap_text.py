"""A tap's events as text: the tutorial's line, Linkerd's wide line, Linkerd's JSON. PURE."""

from collections.abc import Callable

from linkerd_contract.tap import TapDirection, TapEvent, TapHeader, TapPeer

WORKLOADS = (
    *("deployment", "statefulset", "daemonset", "cronjob", "job"),
    *("replicaset", "replicationcontroller", "pod"),
)
_PROXY = {TapDirection.inbound: "in", TapDirection.outbound: "out"}
_GRPC = (
    *("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists"),
    *("PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented"),
    *("Internal", "Unavailable", "DataLoss", "Unauthenticated"),
)


def line(event: TapEvent) -> str:
    """The default: the workloads of both ends on a request's line, latencies in milliseconds."""
    if (init := event.request_init) is not None:
        what = [f":method={init.method}", f":path={init.path}", f":authority={init.authority}"]
        what += _workload("src", event.source) + _workload("dst", event.destination)
        return " ".join(["req", *_head(event), *what])
    return " ".join(_response(event, _milliseconds))


def wide_line(event: TapEvent) -> str:
    """Linkerd's: everything that is known of both ends and of the route."""
    if (init := event.request_init) is not None:
        words = ["req", *_head(event, pad=True)]
        words += [f":method={init.method}", f":authority={init.authority}", f":path={init.path}"]
    else:
        words = _response(event, lambda micros: f"{micros}µs", pad=True)
    for prefix, labels in (
        ("src", event.source.metadata),
        ("dst", event.destination.metadata),
        ("rt", event.route_labels),
    ):
        words += [f"{prefix}_{key}={value}" for key, value in sorted(labels.items()) if key != "tls"]
    return " ".join(words)


def document(event: TapEvent) -> dict[str, object]:
    """Linkerd's JSON."""
    found: dict[str, object] = {
        "source": _peer(event.source),
        "destination": _peer(event.destination),
        "routeMeta": event.route_labels,
        "proxyDirection": event.direction.value.upper(),
    }
    identity = {"base": event.base, "stream": event.stream}
    if (init := event.request_init) is not None:
        found["requestInitEvent"] = {
            "id": identity,
            "method": init.method,
            "scheme": init.scheme,
            "authority": init.authority,
            "path": init.path,
            "headers": _headers(init.headers),
        }
    if (head := event.response_init) is not None:
        found["responseInitEvent"] = {
            "id": identity,
            "sinceRequestInit": _duration(head.since_request_init_us),
            "httpStatus": head.http_status,
            "headers": _headers(head.headers),
        }
    if (end := event.response_end) is not None:
        found["responseEndEvent"] = {
            "id": identity,
            "sinceRequestInit": _duration(end.since_request_init_us),
            "sinceResponseInit": _duration(end.since_response_init_us),
            "responseBytes": end.response_bytes,
            "trailers": _headers(end.trailers),
            "grpcStatusCode": end.grpc_status or 0,
        } | ({} if end.reset_code is None else {"resetErrorCode": end.reset_code})
    return found


def _head(event: TapEvent, *, pad: bool = False) -> list[str]:
    """What every line has. Of TLS the far end says: the client inbound, the endpoint outbound."""
    far = event.source if event.direction is TapDirection.inbound else event.destination
    proxy = _PROXY.get(event.direction, "")
    return [
        f"id={event.base}:{event.stream}",
        f"proxy={proxy:<3}" if pad else f"proxy={proxy}",
        f"src={_address(event.source)}",
        f"dst={_address(event.destination)}",
        f"tls={far.metadata.get('tls', '')}",
    ]


def _response(event: TapEvent, time: Callable[[int], str], *, pad: bool = False) -> list[str]:
    if (head := event.response_init) is not None:
        latency = time(head.since_request_init_us)
        return ["rsp", *_head(event, pad=pad), f":status={head.http_status}", f"latency={latency}"]
    end = event.response_end
    if end is None:
        return ["unknown", *_head(event, pad=pad)]
    words = ["end", *_head(event, pad=pad)]
    if end.reset_code is not None:
        words.append(f"reset-error={end.reset_code}")
    elif end.grpc_status is not None:
        words.append(f"grpc-status={_GRPC[end.grpc_status] if end.grpc_status < len(_GRPC) else end.grpc_status}")
    return [*words, f"duration={time(end.since_response_init_us)}", f"response-length={end.response_bytes}B"]


def _workload(side: str, peer: TapPeer) -> list[str]:
    kind = next((kind for kind in WORKLOADS if kind in peer.metadata), None)
    return [] if kind is None else [f"{side}_{kind}={peer.metadata[kind]}"]


def _address(peer: TapPeer) -> str:
    return f"[{peer.ip}]:{peer.port}" if ":" in peer.ip else f"{peer.ip}:{peer.port}"


def _milliseconds(micros: int) -> str:
    return f"{micros / 1000:.1f}ms"


def _peer(peer: TapPeer) -> dict[str, object]:
    return {"ip": peer.ip, "port": peer.port, "metadata": peer.metadata}


def _headers(headers: list[TapHeader]) -> list[dict[str, str]]:
    return [{"name": header.name, "valueStr": header.value} for header in headers]


def _duration(micros: int) -> dict[str, int]:
    """As Go's encoding/json writes a protobuf Duration."""
    seconds, rest = divmod(micros, 1_000_000)
    return ({"seconds": seconds} if seconds else {}) | ({"nanos": rest * 1000} if rest else {})
