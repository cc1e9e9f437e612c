"""Steps of traces, as people read them."""

from services.proxy.tests.http.recording import Observer, exchange

from linkerd_contract.explain import DecisionStep
from linkerd_contract.outbound import Backend, BackendStatus, Endpoint, OutboundDocument, Route
from linkerd_contract.resource import ResourceRef
from linkerd_proxy.outbound.way import attempt_step, backend_step, no_route_step, route_step, target_step

SERVICE = ResourceRef("core", "Service", "emojivoto", "voting", 80)


def test_steps() -> None:
    doc = OutboundDocument("voting:80", parent=SERVICE, profile="voting.emojivoto", routes=[Route()])
    assert target_step(doc) == DecisionStep("discover", "voting:80", "ServiceProfile voting.emojivoto", SERVICE)
    assert no_route_step(doc) == DecisionStep("route", "none", "none of 1 routes takes it")
    assert route_step(Route("canary", SERVICE)) == DecisionStep("route", "canary", "", SERVICE)
    assert route_step(Route(resource=SERVICE)).verdict == "voting"
    backend = Backend(SERVICE, endpoints=[Endpoint("10.0.0.1:80")])
    assert backend_step(backend) == DecisionStep("backend", "voting", "1 endpoint", SERVICE)
    assert backend_step(Backend(), 0).reason == "0 endpoints, 0 can be connected to"
    assert backend_step(Backend(status=BackendStatus.missing)).verdict == "missing"


def test_attempts() -> None:
    x = exchange()
    assert attempt_step(1, x, "failfast") == DecisionStep("attempt 1", "failfast")
    x.observer = Observer()
    x.status = b"503"
    assert attempt_step(2, x, "") == DecisionStep("attempt 2", "503", "at 10.0.0.1:80")
    x.status, x.grpc_status = b"200", b"14"
    assert attempt_step(3, x, "").verdict == "200, grpc-status 14"
