"""Checks of containers. PURE (k8s.io/kubernetes/pkg/apis/core/validation.validateContainers)."""

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation import names
from linkerd_sandbox.apiserver.validation.causes import duplicate, forbidden, invalid, not_found, required
from linkerd_sandbox.apiserver.validation.quantities import amount

_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket", "sleep")
_FIELDS = frozenset(
    ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
     "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs")
)  # fmt: skip
_MAPS = ("metadata.labels", "metadata.annotations")
_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def containers(spec: JsonObject, path: str) -> list[Cause]:
    """What is wrong with the containers of a pod spec."""
    causes: list[Cause] = []
    if not dig_list(spec, "containers"):
        causes.append(required(f"{path}.containers"))
    volumes = {volume.get("name") for volume in dig_list(spec, "volumes")}
    seen: set[str] = set()
    for key in ("containers", "initContainers"):
        for index, container in enumerate(dig_list(spec, key)):
            here = f"{path}.{key}[{index}]"
            name = container.get("name") or ""
            if name in seen:
                causes.append(duplicate(f"{here}.name", name))
            seen.add(name)
            causes += _container(container, here, volumes)
            causes += _init(container, here) if key == "initContainers" else _regular(container, here)
    return causes


def _container(container: JsonObject, path: str, volumes: set[object]) -> list[Cause]:
    causes: list[Cause] = []
    name, image = container.get("name"), container.get("image")
    wrong = names.label(name) if name else None
    if wrong:
        causes.append(invalid(f"{path}.name", name, wrong))
    if not image:
        causes.append(required(f"{path}.image"))
    elif image != image.strip():
        causes.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))
    causes += _ports(dig_list(container, "ports"), f"{path}.ports")
    causes += _env(container, path)
    causes += _mounts(dig_list(container, "volumeMounts"), f"{path}.volumeMounts", volumes)
    causes += _resources(dig_map(container, "resources"), f"{path}.resources")
    causes += _security(dig_map(container, "securityContext"), f"{path}.securityContext")
    for probe in _PROBES:
        if probe in container:
            causes += _probe(container[probe], f"{path}.{probe}", probe)
    for hook, handler in dig_map(container, "lifecycle").items():
        if hook in ("postStart", "preStop"):
            causes += _handler(handler, f"{path}.lifecycle.{hook}")
    return causes


def _security(context: JsonObject, path: str) -> list[Cause]:
    causes = [
        invalid(f"{path}.{key}", context[key], "must be between 0 and 2147483647, inclusive")
        for key in ("runAsUser", "runAsGroup")
        if isinstance(context.get(key), int) and not 0 <= context[key] < 1 << 31
    ]
    if context.get("allowPrivilegeEscalation") is False and context.get("privileged"):
        why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        causes.append(invalid(path, context, why))
    return causes


def _regular(container: JsonObject, path: str) -> list[Cause]:
    if container.get("restartPolicy"):
        return [forbidden(f"{path}.restartPolicy", "may not be set for non-init containers")]
    return []


def _init(container: JsonObject, path: str) -> list[Cause]:
    policy = container.get("restartPolicy")
    if policy == "Always":
        return []
    if policy:
        listed = '"Always"'
        return [
            Cause(
                f"{path}.restartPolicy",
                "FieldValueNotSupported",
                f'Unsupported value: "{policy}": supported values: {listed}',
            )
        ]
    sidecar_only = [key for key in ("lifecycle", *_PROBES) if key in container]
    return [
        forbidden(f"{path}.{key}", "may not be set for init containers without restartPolicy=Always")
        for key in sidecar_only
    ]


def _ports(ports: list[JsonObject], path: str) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here = f"{path}[{index}]"
        name = port.get("name")
        if name:
            wrong = names.port_name(name)
            if wrong:
                causes.append(invalid(f"{here}.name", name, wrong))
            elif name in seen:
                causes.append(duplicate(f"{here}.name", name))
            seen.add(name)
        if port.get("containerPort") == 0:
            causes.append(required(f"{here}.containerPort"))
        for key in ("containerPort", "hostPort"):
            wrong = names.port_number(port[key]) if port.get(key) else None
            if wrong:
                causes.append(invalid(f"{here}.{key}", port[key], wrong))
    return causes


def _env(container: JsonObject, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, env in enumerate(dig_list(container, "env")):
        here = f"{path}.env[{index}]"
        name = env.get("name")
        wrong = names.env_name(name) if name else None
        if wrong:
            causes.append(invalid(f"{here}.name", name, wrong))
        source = env.get("valueFrom")
        if source is None:
            continue
        if env.get("value"):
            causes.append(invalid(f"{here}.valueFrom", "", "may not be specified when `value` is not empty"))
        if len(source) != 1:
            which = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            why = which if not source else "may not have more than one field specified at a time"
            causes.append(invalid(f"{here}.valueFrom", "", why))
        if "fieldRef" in source:
            causes += _field_ref(dig_map(source, "fieldRef"), f"{here}.valueFrom.fieldRef")
    return causes


def _field_ref(reference: JsonObject, path: str) -> list[Cause]:
    field = str(reference.get("fieldPath") or "")
    name, _, key = field.partition("[")
    if not field:
        return [required(f"{path}.fieldPath")]
    if field not in _FIELDS and not (name in _MAPS and key.endswith("']")):
        why = f"error converting fieldPath: field label not supported: {field}"
        return [invalid(f"{path}.fieldPath", field, why)]
    return []


def _mounts(mounts: list[JsonObject], path: str, volumes: set[object]) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{path}[{index}]"
        name, where = mount.get("name"), str(mount.get("mountPath"))
        if name and name not in volumes:
            causes.append(not_found(f"{here}.name", name))
        if where in seen:
            causes.append(invalid(f"{here}.mountPath", where, "must be unique"))
        seen.add(where)
        if ".." in str(mount.get("subPath") or "").split("/"):
            causes.append(invalid(f"{here}.subPath", mount["subPath"], "must not contain '..'"))
    return causes


def _resources(resources: JsonObject, path: str) -> list[Cause]:
    causes: list[Cause] = []
    amounts: dict[tuple[str, str], float] = {}
    for which in ("limits", "requests"):
        for name, text in dig_map(resources, which).items():
            found = amount(text)
            causes += _resource_name(name, f"{path}.{which}[{name}]")
            if found is None or found < 0:  # None is refused when the body is read
                causes.append(invalid(f"{path}.{which}[{name}]", str(text), "must be greater than or equal to 0"))
            else:
                amounts[(which, name)] = found
    for name, text in dig_map(resources, "requests").items():
        limit = amounts.get(("limits", name))
        if limit is not None and amounts.get(("requests", name), 0) > limit:
            shown = dig(resources, "limits", name)
            causes.append(
                invalid(f"{path}.requests", str(text), f"must be less than or equal to {name} limit of {shown}")
            )
    return causes


def _resource_name(name: str, path: str) -> list[Cause]:
    if wrong := names.qualified(name):
        return [invalid(path, name, wrong)]
    if "/" in name or name in _RESOURCES or name.startswith("hugepages-"):
        return []
    return [
        Cause(path, "FieldValueInvalid", f"Invalid value: {name}: must be a standard resource {what}")
        for what in ("type or fully qualified", "for containers")
    ]


def _probe(probe: JsonObject, path: str, kind: str) -> list[Cause]:
    causes = _handler(probe, path)
    for key in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        if isinstance(probe.get(key), int) and probe[key] < 0:
            causes.append(invalid(f"{path}.{key}", probe[key], "must be greater than or equal to 0"))
    if kind != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        causes.append(invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return causes


def _handler(handler: JsonObject, path: str) -> list[Cause]:
    given = [key for key in _HANDLERS if handler.get(key) is not None]
    if not given:
        return [required(path, "must specify a handler type")]
    causes = [forbidden(f"{path}.{key}", "may not specify more than 1 handler type") for key in given[1:]]
    if given[0] == "exec" and not dig_list(handler, "exec", "command"):
        causes.append(required(f"{path}.exec.command"))
    for key in ("httpGet", "tcpSocket"):
        port = dig(handler, key, "port")
        if port is None:
            continue
        wrong = names.port_name(port) if isinstance(port, str) else names.port_number(port)
        if wrong:
            causes.append(invalid(f"{path}.{key}.port", port, wrong))
    return causes
