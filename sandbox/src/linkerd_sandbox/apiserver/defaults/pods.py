"""Defaults of pods and pod templates. PURE."""

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map

_MODE = 0o644
_TOKEN_SECONDS = 3600
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


def pod(body: JsonObject) -> None:
    """A Pod."""
    spec = body.setdefault("spec", {})
    spec.setdefault("enableServiceLinks", True)
    for key in _CONTAINER_LISTS:
        for container in dig_list(spec, key):
            _requests_from_limits(container)
    pod_spec(spec)


def template(parent: JsonObject) -> None:
    """The pod template at `template` of a workload's spec."""
    found = parent.get("template")
    if isinstance(found, dict):
        found.setdefault("metadata", {})
        pod_spec(found.setdefault("spec", {}))


def pod_spec(spec: JsonObject) -> None:
    """A PodSpec."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name
    for key in _CONTAINER_LISTS:
        for container in dig_list(spec, key):
            if isinstance(container, dict):
                _container(container, host_network=bool(spec.get("hostNetwork")))
    for volume in dig_list(spec, "volumes"):
        if isinstance(volume, dict):
            _volume(volume)


def _container(container: JsonObject, *, host_network: bool) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = _pull_policy(container.get("image") or "")
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for quantities in ("limits", "requests"):
        quantity_map(dig_map(container, "resources", quantities))
    for port in dig_list(container, "ports"):
        port.setdefault("protocol", "TCP")
        if host_network and "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])
    for env in dig_list(container, "env"):
        reference = dig(env, "valueFrom", "fieldRef")
        if isinstance(reference, dict):
            reference.setdefault("apiVersion", "v1")
        divisor = dig(env, "valueFrom", "resourceFieldRef")
        if isinstance(divisor, dict):
            divisor["divisor"] = str(divisor.get("divisor", "0"))
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(probe), dict):
            _probe(container[probe])
    for hook in ("postStart", "preStop"):
        _handler(dig_map(container, "lifecycle", hook))


def _pull_policy(image: str) -> str:
    """`Always` for `latest` and for no tag at all."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "IfNotPresent" if digest or (tag and tag != "latest") else "Always"


def quantity_map(quantities: JsonObject) -> None:
    """Resource quantities given as numbers become text, as the server writes them."""
    for key, value in quantities.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            quantities[key] = f"{value:g}" if isinstance(value, float) else str(value)


def _requests_from_limits(container: JsonObject) -> None:
    limits = dig_map(container, "resources", "limits")
    if limits:
        requests: JsonObject = container["resources"].setdefault("requests", {})
        for key, value in limits.items():
            requests.setdefault(key, value)


def _probe(probe: JsonObject) -> None:
    probe.setdefault("failureThreshold", 3)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("timeoutSeconds", 1)
    if isinstance(probe.get("grpc"), dict):
        probe["grpc"].setdefault("service", "")
    _handler(probe)


def _handler(handler: JsonObject) -> None:
    http = handler.get("httpGet")
    if isinstance(http, dict):
        http.setdefault("path", "/")
        http.setdefault("scheme", "HTTP")


def _volume(volume: JsonObject) -> None:
    if len(volume) == 1 and "name" in volume:
        volume["emptyDir"] = {}
    for kind in ("secret", "configMap", "downwardAPI", "projected"):
        if isinstance(volume.get(kind), dict):
            volume[kind].setdefault("defaultMode", _MODE)
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")
    limit = dig(volume, "emptyDir", "sizeLimit")
    if isinstance(limit, int):
        volume["emptyDir"]["sizeLimit"] = str(limit)
    _downward(dig_list(volume, "downwardAPI", "items"))
    for source in dig_list(volume, "projected", "sources"):
        _downward(dig_list(source, "downwardAPI", "items"))
        if isinstance(source.get("serviceAccountToken"), dict):
            source["serviceAccountToken"].setdefault("expirationSeconds", _TOKEN_SECONDS)


def _downward(items: list[JsonObject]) -> None:
    for item in items:
        if isinstance(item.get("fieldRef"), dict):
            item["fieldRef"].setdefault("apiVersion", "v1")


def qos_class(spec: JsonObject) -> str:
    """`Guaranteed`, `Burstable` or `BestEffort` (k8s.io/kubernetes/pkg/apis/core/v1/helper/qos)."""
    containers = [*dig_list(spec, "containers"), *dig_list(spec, "initContainers")]
    any_set, guaranteed = False, True
    for container in containers:
        limits, requests = (dig_map(container, "resources", key) for key in ("limits", "requests"))
        given = {key for found in (limits, requests) for key in found if key in ("cpu", "memory")}
        any_set = any_set or bool(given)
        same = all(limits.get(key) == requests.get(key) for key in ("cpu", "memory"))
        if {key for key in limits if key in ("cpu", "memory")} != {"cpu", "memory"} or not same:
            guaranteed = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def first_status(body: JsonObject) -> JsonObject:
    """The status of a pod that was just created."""
    return {"phase": "Pending", "qosClass": qos_class(dig_map(body, "spec"))}
