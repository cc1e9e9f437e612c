"""What is set and does nothing is said to do nothing."""

import pytest

from linkerd_proxy.settings.ignored import ignored
from linkerd_runtime.settings import Reader


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("INBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL", "true", True),
        ("OUTBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL", "false", False),
        ("OUTBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE", "1", True),
        ("INBOUND_SERVER_HTTP2_MAX_PENDING_ACCEPT_RESET_STREAMS", "20", True),
        ("INBOUND_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE", "65535", False),
        ("INBOUND_HTTP_FAILFAST_TIMEOUT", "1s", True),
        ("INGRESS_MODE", "true", True),
        ("INGRESS_MODE", "no", False),
        ("INBOUND_GATEWAY_SUFFIXES", "", False),
    ],
)
def test_what_has_no_effect_is_named(name: str, value: str, said: bool) -> None:
    read = Reader({name: value})
    sentences = ignored(read)
    assert [sentence.partition(" ")[0] for sentence in sentences] == ([f"LINKERD2_PROXY_{name}"] if said else [])
    assert read.errors == []


def test_a_bad_switch_is_an_error() -> None:
    read = Reader({"INBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL": "perhaps"})
    ignored(read)
    assert read.errors[0].startswith("INBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL")
