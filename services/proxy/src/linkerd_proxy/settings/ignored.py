"""Variables of Linkerd's with which this proxy does nothing, though they ask for something: who sets one is told.

Those that ask for nothing here (INBOUND_PORTS, DESTINATION_PROFILE_SUFFIXES, CONTROL_STREAM_IDLE_TIMEOUT: discovery is
one stream, whose ports, names and silence the control plane knows) are not named.
"""

from linkerd_proxy.settings.reading import PREFIX
from linkerd_runtime.settings import Reader

_SERVER_HTTP2 = {
    "ADAPTIVE_FLOW_CONTROL": "windows stay as large as INITIAL_{STREAM,CONNECTION}_WINDOW_SIZE say",
    "MAX_SEND_BUF_SIZE": "what waits to be sent is bounded by the windows that its sender has",
    "MAX_PENDING_ACCEPT_RESET_STREAMS": "no stream waits to be accepted, and resets are limited by number and time",
}
_NO_EFFECT = {
    **{f"{side}_SERVER_HTTP2_{name}": why for side in ("INBOUND", "OUTBOUND") for name, why in _SERVER_HTTP2.items()},
    "INBOUND_HTTP_FAILFAST_TIMEOUT": "the application is connected to by each request, and nothing waits for it",
    "OUTBOUND_HTTP_FAILFAST_TIMEOUT": "discovery says of each service how long requests wait",
    "INBOUND_GATEWAY_SUFFIXES": "there is no multicluster gateway",
    "INGRESS_MODE": "there is no ingress mode: requests go where their connections went",
}
_SWITCHES = ("ADAPTIVE_FLOW_CONTROL", "INGRESS_MODE")


def ignored(read: Reader) -> tuple[str, ...]:
    """A sentence for each of them that is set, and not to "no"."""
    return tuple(f"{PREFIX}{name} has no effect: {why}" for name, why in _NO_EFFECT.items() if _is_set(read, name))


def _is_set(read: Reader, name: str) -> bool:
    if name.endswith(_SWITCHES):
        return read.boolean(name, False)
    return read.optional(name) is not None
