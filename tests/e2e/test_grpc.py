"""gRPC through two sidecars: four kinds of call, trailers, errors, cancellation, large messages, figures."""

import pytest
from tests.e2e.cluster import Cluster, sample, until
from tests.e2e.manifests import MESHED

pytestmark = pytest.mark.root

STRICT = f"strict.{MESHED}"


def call(mesh: Cluster, case: str, **arguments: object) -> dict[str, object]:
    return mesh.ask(MESHED, "client", "grpc", host=STRICT, case=case, **arguments)


def test_unary_with_trailers(mesh: Cluster) -> None:
    said = call(mesh, "unary", text="hello")
    assert said == {"reply": "unary hello", "trailers": {"x-server-trailer": "unary", "x-binary-bin": "0001ff"}}


def test_client_streaming(mesh: Cluster) -> None:
    assert call(mesh, "collect", count=500) == {"reply": "+".join(str(n) for n in range(500))}


def test_server_streaming(mesh: Cluster) -> None:
    said = call(mesh, "expand", count=500)
    assert said == {"replies": [f"part {n}" for n in range(500)], "trailers": {"x-server-trailer": "expand"}}


def test_both_ways_message_by_message(mesh: Cluster) -> None:
    assert call(mesh, "chat", count=50) == {"replies": [f"re: {n}" for n in range(50)]}


@pytest.mark.parametrize("status", ["NOT_FOUND", "INTERNAL", "UNAVAILABLE", "PERMISSION_DENIED"])
def test_an_error_with_its_details_and_trailers(mesh: Cluster, status: str) -> None:
    said = call(mesh, "fail", status=status)
    assert said == {"code": status, "details": "no such thing: żółw 100%", "trailers": {"x-server-trailer": "fail"}}


def test_cancellation_reaches_the_server(mesh: Cluster) -> None:
    assert call(mesh, "cancel") == {"first": "begun", "heard": "yes"}


def test_a_deadline_ends_the_call(mesh: Cluster) -> None:
    assert call(mesh, "deadline").get("code") == "DEADLINE_EXCEEDED"


def test_a_message_of_five_megabytes(mesh: Cluster) -> None:
    said = call(mesh, "big", size=5 << 20)
    assert (said.get("equal"), said.get("size")) == (True, (5 << 20) + 6), said


def test_figures_know_success_from_failure(mesh: Cluster) -> None:
    """NOT_FOUND is the application's answer and a success, INTERNAL a failure, on both sides."""

    def counts() -> list[float]:
        found = []
        for app, direction in (("client", "outbound"), ("strict", "inbound")):
            lines = mesh.proxy_metrics(MESHED, app)
            for status, classification in (("5", "success"), ("13", "failure"), ("0", "success")):
                labels = {"direction": direction, "grpc_status": status, "classification": classification}
                found.append(sample(lines, "response_total", **labels))
        return found

    before = counts()
    call(mesh, "fail", status="NOT_FOUND")
    call(mesh, "fail", status="INTERNAL")
    call(mesh, "unary", text="hello")
    until(lambda: [b - a for a, b in zip(before, counts(), strict=True)] == [1.0] * 6, 60, "each counted once")
