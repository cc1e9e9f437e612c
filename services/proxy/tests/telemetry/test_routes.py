"""Label sets of routes, and their own families."""

from linkerd_contract.resource import ResourceRef
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.telemetry.routes import (
    backend_labels,
    inbound_labels,
    parent_labels,
    route_backend_labels,
    route_labels,
)

SERVICE = ResourceRef("core", "Service", "emojivoto", "web-svc", 80, "http")
ROUTE = ResourceRef("g", "HTTPRoute", "emojivoto", "r")
PARENT = (
    'parent_group="core",parent_kind="Service",parent_namespace="emojivoto",parent_name="web-svc",parent_port="80",'
    'parent_section_name="http"'
)
OF_ROUTE = 'route_group="g",route_kind="HTTPRoute",route_namespace="emojivoto",route_name="r"'


def test_labels() -> None:
    assert parent_labels(SERVICE) == PARENT
    assert route_labels(SERVICE, ROUTE) == f"{PARENT},{OF_ROUTE}"
    backend = PARENT.replace("parent", "backend")
    assert backend_labels(SERVICE, SERVICE) == f"{PARENT},{backend}"
    assert route_backend_labels(SERVICE, ROUTE, SERVICE) == f"{PARENT},{OF_ROUTE},{backend}"
    assert inbound_labels(SERVICE, 80, ResourceRef(name="default")) == (
        'parent_group="core",parent_kind="Service",parent_name="web-svc",parent_port="80",'
        'route_kind="default",route_name="default"'
    )


def test_retries_and_connections_of_routes() -> None:
    metrics = Metrics()
    series = metrics.grpc_retries.series('route_name="r"')
    series.requests.value += 2
    series.successes.value += 1
    metrics.tls_route.open.labels(base='route_name="r"').value += 1
    metrics.tls_route.close.labels("ECONNRESET", base='route_name="r"').value += 1
    text = metrics.registry.render().decode()
    assert 'outbound_grpc_route_retry_requests_total{route_name="r"} 2' in text
    assert 'outbound_grpc_route_retry_successes_total{route_name="r"} 1' in text
    assert 'outbound_tls_route_open_total{route_name="r"} 1' in text
    assert 'outbound_tls_route_close_total{route_name="r",error="ECONNRESET"} 1' in text
