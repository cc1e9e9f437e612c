"""Checks of services, configuration, access and webhooks. PURE."""

import base64
import binascii
import ipaddress
import json
from urllib.parse import urlsplit

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation import meta, names
from linkerd_sandbox.apiserver.validation.causes import duplicate, forbidden, go_syntax, invalid, required, unsupported

_IMMUTABLE = "field is immutable"
_DATA_SIZE = 1 << 20
_LONGEST_TIMEOUT = 30
_LOCAL_MULTICAST = {4: ipaddress.ip_network("224.0.0.0/24"), 6: ipaddress.ip_network("ff02::/16")}
_TLS_KEYS = ("tls.crt", "tls.key")


def service(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A Service."""
    spec = dig_map(body, "spec")
    causes = meta.labels(dig_map(spec, "selector"), "spec.selector")
    kind = spec.get("type")
    if kind == "ExternalName":
        name = str(spec.get("externalName") or "")
        wrong = names.subdomain(name.removesuffix(".")) if name else None
        if not name:
            causes.append(required("spec.externalName"))
        elif wrong:
            causes.append(invalid("spec.externalName", name, wrong))
    elif not dig_list(spec, "ports") and spec.get("clusterIP") != "None":
        causes.append(required("spec.ports"))
    if spec.get("clusterIP") == "None" and kind in ("NodePort", "LoadBalancer"):
        causes.append(invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services"))
    causes += _service_ports(spec)
    before = dig(old, "spec", "clusterIP")
    if (
        before
        and kind != "ExternalName"
        and dig(old, "spec", "type") != "ExternalName"
        and spec.get("clusterIP") != before
    ):
        value, why = go_syntax([spec.get("clusterIP")]), "may not change once set"
        causes.append(Cause("spec.clusterIPs[0]", "FieldValueInvalid", f"Invalid value: {value}: {why}"))
    return causes


def _service_ports(spec: JsonObject) -> list[Cause]:
    causes: list[Cause] = []
    ports = dig_list(spec, "ports")
    seen_names: set[str] = set()
    seen: set[tuple[object, object]] = set()
    for index, port in enumerate(ports):
        here = f"spec.ports[{index}]"
        name = port.get("name") or ""
        if name:
            wrong = names.label(name)
            if wrong:
                causes.append(invalid(f"{here}.name", name, wrong))
            elif name in seen_names:
                causes.append(duplicate(f"{here}.name", name))
            seen_names.add(name)
        elif len(ports) > 1:
            causes.append(required(f"{here}.name"))
        if "port" in port:
            wrong = names.port_number(port["port"])
            if wrong:
                causes.append(invalid(f"{here}.port", port["port"], wrong))
        target = port.get("targetPort")
        if target is not None:
            wrong = names.port_name(target) if isinstance(target, str) else names.port_number(target)
            if wrong:
                causes.append(invalid(f"{here}.targetPort", target, wrong))
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            causes.append(duplicate(here, {"protocol": key[0], "port": key[1]}))
        seen.add(key)
    return causes


def _keys(body: JsonObject, *fields: str, text: str = "", whole: str) -> list[Cause]:
    """Names and size of the entries; those of `text` are not base64. `whole` is the path of what is too large."""
    causes: list[Cause] = []
    size = 0
    for field in fields:
        for key, value in dig_map(body, field).items():
            size += len(value.encode()) if field == text else len(value) * 3 // 4
            wrong = names.config_key(key)
            if wrong:
                causes.append(invalid(f"{field}[{key}]", key, wrong))
    if size > _DATA_SIZE:
        causes.append(Cause(whole, "FieldValueTooLong", f"Too long: may not be more than {_DATA_SIZE} bytes"))
    return causes


def _frozen(body: JsonObject, old: JsonObject | None, *fields: str) -> list[Cause]:
    if not dig(old, "immutable"):
        return []
    why = "field is immutable when `immutable` is set"
    changed = [field for field in fields if dig_map(body, field) != dig_map(old, field)]
    if not body.get("immutable"):
        changed.insert(0, "immutable")
    return [forbidden(field, why) for field in changed]


def config_map(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A ConfigMap."""
    causes = _keys(body, "data", "binaryData", text="data", whole="[]") + _frozen(body, old, "data", "binaryData")
    for key in dig_map(body, "binaryData"):
        if key in dig_map(body, "data"):
            causes.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    return causes


def secret(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A Secret."""
    causes = _keys(body, "data", whole="data") + _frozen(body, old, "data")
    for key, value in dig_map(body, "data").items():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            causes.append(invalid(f"data[{key}]", "<secret contents redacted>", "illegal base64 data"))
    causes += _typed_secret(str(body.get("type")), body)
    if old is not None and old.get("type") != body.get("type"):
        causes.append(invalid("type", body.get("type"), _IMMUTABLE))
    return causes


def _typed_secret(kind: str, body: JsonObject) -> list[Cause]:
    """What a Secret's type demands."""
    data = dig_map(body, "data")
    match kind:
        case "kubernetes.io/tls":
            return [required(f"data[{key}]") for key in _TLS_KEYS if key not in data]
        case "kubernetes.io/basic-auth" if not {"username", "password"} & data.keys():
            return [required(f"data[{key}]") for key in ("username", "password")]
        case "kubernetes.io/ssh-auth" if "ssh-privatekey" not in data:
            return [required("data[ssh-privatekey]")]
        case "kubernetes.io/service-account-token":
            name = "kubernetes.io/service-account.name"
            missing = name not in dig_map(body, "metadata", "annotations")
            return [required(f"metadata.annotations[{name}]")] if missing else []
        case "kubernetes.io/dockerconfigjson":
            return _docker(data.get(".dockerconfigjson"))
    return []


def _docker(value: object) -> list[Cause]:
    if value is None:
        return [required("data[.dockerconfigjson]")]
    try:
        json.loads(base64.b64decode(str(value)))
    except json.JSONDecodeError as error:
        at = error.doc[error.pos : error.pos + 1]
        why = f"invalid character '{at}' looking for beginning of value" if at else "unexpected end of JSON input"
        return [invalid("data[.dockerconfigjson]", "<secret contents redacted>", why)]
    return []


def endpoints(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """An Endpoints object."""
    causes: list[Cause] = []
    for index, subset in enumerate(dig_list(body, "subsets")):
        for key in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(dig_list(subset, key)):
                causes += _endpoint_ip(address.get("ip"), f"subsets[{index}].{key}[{number}].ip")
        for number, port in enumerate(dig_list(subset, "ports")):
            wrong = names.port_number(port.get("port"))
            if wrong:
                causes.append(invalid(f"subsets[{index}].ports[{number}].port", port.get("port"), wrong))
    return causes


def _endpoint_ip(text: object, path: str) -> list[Cause]:
    try:
        address = ipaddress.ip_address(str(text))
    except ValueError:
        return [invalid(path, text, names.ADDRESS_RULE)]
    if address.is_loopback:
        return [invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")]
    if address.is_unspecified:
        return [invalid(path, text, f"may not be unspecified ({text})")]
    if address.is_link_local:
        return [invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")]
    if address in _LOCAL_MULTICAST[address.version]:
        return [invalid(path, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")]
    return []


def event(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """An Event: it stands beside what it is about, or in `default` for what has no namespace."""
    about, own = dig(body, "involvedObject", "namespace") or "", dig(body, "metadata", "namespace")
    if about == own or (not about and own == "default"):
        return []
    return [invalid("involvedObject.namespace", about, "does not match event.namespace")]


def network_policy(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A NetworkPolicy."""
    causes = meta.selector(dig_map(body, "spec", "podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(dig_list(body, "spec", direction)):
            path = f"spec.{direction}[{index}]"
            for number, peer in enumerate(dig_list(rule, peers)):
                if not peer:
                    causes.append(required(f"{path}.{peers}[{number}]", "must specify a peer"))
            for number, entry in enumerate(dig_list(rule, "ports")):
                port = entry.get("port")
                if port is None:
                    continue
                wrong = names.port_name(port) if isinstance(port, str) else names.port_number(port)
                if wrong:
                    causes.append(invalid(f"{path}.ports[{number}].port", port, wrong))
    return causes


def lease(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A Lease."""
    spec = dig_map(body, "spec")
    causes: list[Cause] = []
    seconds, moves = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if isinstance(seconds, int) and seconds <= 0:
        causes.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    if isinstance(moves, int) and moves < 0:
        causes.append(invalid("spec.leaseTransitions", moves, "must be greater than or equal to 0"))
    return causes


def role(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A Role or ClusterRole."""
    causes: list[Cause] = []
    for index, rule in enumerate(dig_list(body, "rules")):
        path = f"rules[{index}]"
        if not dig_list(rule, "verbs"):
            causes.append(required(f"{path}.verbs", "verbs must contain at least one value"))
        if rule.get("nonResourceURLs"):
            if body.get("kind") == "Role":
                why = "namespaced rules cannot apply to non-resource URLs"
                causes.append(invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], why))
            continue
        if not dig_list(rule, "apiGroups"):
            causes.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
        if not dig_list(rule, "resources"):
            causes.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return causes


def binding(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A RoleBinding or ClusterRoleBinding."""
    causes: list[Cause] = []
    reference = dig_map(body, "roleRef")
    if old is not None and reference != dig_map(old, "roleRef"):
        causes.append(invalid("roleRef", reference, "cannot change roleRef"))
    if not reference.get("kind"):
        causes.append(unsupported("roleRef.kind", "", ("Role", "ClusterRole")))
    if not reference.get("name"):
        causes.append(required("roleRef.name"))
    if body.get("kind") == "ClusterRoleBinding" and reference.get("kind") == "Role":
        causes.append(unsupported("roleRef.kind", "Role", ("ClusterRole",)))
    for index, subject in enumerate(dig_list(body, "subjects")):
        missing = subject.get("kind") == "ServiceAccount" and not subject.get("namespace")
        if missing and body.get("kind") == "ClusterRoleBinding":
            causes.append(required(f"subjects[{index}].namespace"))
    return causes


def webhooks(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A webhook configuration."""
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, webhook in enumerate(dig_list(body, "webhooks")):
        path = f"webhooks[{index}]"
        name = webhook.get("name") or ""
        if name and (names.subdomain(name) or name.count(".") < 2):
            causes.append(
                invalid(f"{path}.name", name, "should be a domain with at least three segments separated by dots")
            )
        if name in seen:
            causes.append(duplicate(f"{path}.name", name))
        seen.add(name)
        if not dig_list(webhook, "admissionReviewVersions"):
            why = "must specify one of v1, v1beta1"
            causes.append(required(f"{path}.admissionReviewVersions", why))
        elif not {"v1", "v1beta1"} & set(webhook["admissionReviewVersions"]):
            given = webhook["admissionReviewVersions"]
            causes.append(invalid(f"{path}.admissionReviewVersions", given, "must include at least one of v1, v1beta1"))
        if not webhook.get("sideEffects"):
            causes.append(required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun"))
        if webhook.get("matchConditions"):
            causes.append(forbidden(f"{path}.matchConditions", "CEL is not implemented by the sandbox's API server"))
        timeout = webhook.get("timeoutSeconds")
        if isinstance(timeout, int) and not 0 < timeout <= _LONGEST_TIMEOUT:
            causes.append(
                invalid(f"{path}.timeoutSeconds", timeout, "the timeout value must be between 1 and 30 seconds")
            )
        causes += _client(dig_map(webhook, "clientConfig"), f"{path}.clientConfig")
        for key in ("namespaceSelector", "objectSelector"):
            causes += meta.selector(dig_map(webhook, key), f"{path}.{key}")
        for number, rule in enumerate(dig_list(webhook, "rules")):
            for key in ("operations", "apiGroups", "apiVersions", "resources"):
                if not dig_list(rule, key):
                    causes.append(required(f"{path}.rules[{number}].{key}"))
    return causes


def _client(config: JsonObject, path: str) -> list[Cause]:
    url, target = config.get("url"), config.get("service")
    if (url is None) == (target is None):
        return [required(path, "exactly one of url or service is required")]
    if url is not None and urlsplit(url).scheme != "https":
        why = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        return [invalid(f"{path}.url", urlsplit(url).scheme, why)]
    return []


def endpoint_slice(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """An EndpointSlice."""
    causes: list[Cause] = []
    if old is not None and old.get("addressType") != body.get("addressType"):
        causes.append(invalid("addressType", body.get("addressType"), _IMMUTABLE))
    for index, endpoint in enumerate(dig_list(body, "endpoints")):
        if not dig_list(endpoint, "addresses"):
            causes.append(required(f"endpoints[{index}].addresses", "must contain at least 1 address"))
    return causes
