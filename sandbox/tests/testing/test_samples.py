"""Reading metrics."""

from linkerd_sandbox.testing.samples import sample

LINES = [
    "# TYPE request_total counter",
    'request_total{direction="inbound",tls="true"} 2',
    'request_total{direction="outbound",tls="true"} 3',
    'request_total{direction="outbound",tls="no_identity"} 5',
    'route_request_total{direction="outbound",tls="true"} 7',
    "process_open_fds 9",
]


def test_samples_are_added_up_by_label() -> None:
    assert sample(LINES, "request_total") == 10
    assert sample(LINES, "request_total", direction="outbound") == 8
    assert sample(LINES, "request_total", direction="outbound", tls="true") == 3
    assert sample(LINES, "request_total", direction="sideways") == 0
