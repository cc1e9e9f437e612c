"""The manifests of the test's application."""

from pathlib import Path

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.testing.manifests import IMAGE as PYTHON

MESHED = "e2e-meshed"
PLAIN = "e2e-plain"
IMAGE = PYTHON
"""Python as the entrypoint, with grpcio and h2."""
PROBE = "/ready"
APPS = Path(__file__).parent / "apps"
PORTS = {"http1": 8080, "http2": 8081, "echo": 9000, "greeting": 9001, "grpc": 50051}
GREETING_PORT = str(PORTS["greeting"])


def namespace(name: str, **annotations: str) -> JsonObject:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations}}


def scripts(space: str) -> JsonObject:
    """The ConfigMap that holds the application."""
    data = {path.name: path.read_text() for path in sorted(APPS.glob("*.py"))}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "apps", "namespace": space}, "data": data}


def service(space: str, name: str, annotations: dict[str, str] | None = None) -> JsonObject:
    """A Service with every port of the application."""
    ports = [{"name": key, "port": port, "targetPort": port} for key, port in PORTS.items()]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": space, "annotations": annotations or {}},
        "spec": {"selector": {"app": name}, "ports": ports},
    }


def deployment(
    space: str, name: str, annotations: dict[str, str] | None = None, replicas: int = 1, grpc: bool = False
) -> JsonObject:
    """Pods of the application; a pause before SIGTERM, while endpoints are withdrawn, as Kubernetes advises."""
    container = {
        "name": "peer",
        "image": IMAGE,
        "args": ["-m", "tests.e2e.apps.peer"],
        "workingDir": "/apps",
        "env": [{"name": "PEER_GRPC", "value": "yes" if grpc else ""}],
        "ports": [{"name": key, "containerPort": port} for key, port in PORTS.items()],
        # not tcpSocket: the sidecar accepts every connection, also while the application is not there yet
        "readinessProbe": {"httpGet": {"path": PROBE, "port": PORTS["http1"]}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "2"]}}},
        "volumeMounts": [{"name": "apps", "mountPath": "/apps/tests/e2e/apps"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": space},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations or {}},
                "spec": {
                    "terminationGracePeriodSeconds": 20,
                    "volumes": [{"name": "apps", "configMap": {"name": "apps"}}],
                    "containers": [container],
                },
            },
        },
    }


def application() -> list[JsonObject]:
    """Clients and servers, meshed and not.

    `client`: meshed. `strict`: meshed, takes only meshed clients. `open`: meshed, takes all. `pair`: meshed, two
    replicas. `plain` and `other`: no sidecar.
    """
    opaque = {"config.linkerd.io/opaque-ports": GREETING_PORT}
    strict = {**opaque, "config.linkerd.io/default-inbound-policy": "all-authenticated"}
    return [
        namespace(MESHED, **{"linkerd.io/inject": "enabled"}),
        namespace(PLAIN),
        scripts(MESHED),
        scripts(PLAIN),
        *(service(MESHED, name, opaque) for name in ("strict", "open", "pair")),
        *(service(PLAIN, name, opaque) for name in ("plain", "other")),
        deployment(MESHED, "client", opaque, grpc=True),
        deployment(MESHED, "strict", strict, grpc=True),
        deployment(MESHED, "open", opaque),
        deployment(MESHED, "pair", opaque, replicas=2),
        deployment(PLAIN, "plain"),
        deployment(PLAIN, "other"),
    ]


DEPLOYMENTS = {MESHED: ("client", "strict", "open", "pair"), PLAIN: ("plain", "other")}
SERVICES = [(MESHED, "strict"), (MESHED, "open"), (MESHED, "pair"), (PLAIN, "plain"), (PLAIN, "other")]
