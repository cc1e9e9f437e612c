"""Checks of pods and pod templates. PURE."""

import ipaddress

from linkerd_sandbox.apiserver.objects import JsonObject, copy, dig_list, dig_map
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation import meta, names
from linkerd_sandbox.apiserver.validation.causes import duplicate, forbidden, invalid, not_found, required
from linkerd_sandbox.apiserver.validation.containers import containers

_SOURCE_NAMES = {"secret": "secretName", "configMap": "name", "hostPath": "path"}
_MUTABLE = ("activeDeadlineSeconds", "tolerations", "schedulingGates")
_IMMUTABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """What is wrong with a Pod, or with its change."""
    spec = dig_map(body, "spec")
    if old is not None:
        before = dig_map(old, "spec")
        causes: list[Cause] = []
        for key in ("containers", "initContainers"):
            if len(dig_list(spec, key)) != len(dig_list(before, key)):
                return [forbidden(f"spec.{key}", "pod updates may not add or remove containers")]
            for index, container in enumerate(dig_list(spec, key)):
                if not container.get("image"):
                    causes.append(required(f"spec.{key}[{index}].image"))
        if causes:
            return causes
        if _fixed(spec) != _fixed(dig_map(old, "spec")):
            return [forbidden("spec", _IMMUTABLE)]
        return _tolerations_kept(dig_list(spec, "tolerations"), dig_list(before, "tolerations"))
    return pod_spec(spec, "spec")


_NOT_EPHEMERAL = (
    "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resizePolicy", "restartPolicy",
)  # fmt: skip


def ephemeral(body: JsonObject, old: JsonObject) -> list[Cause]:
    """What is wrong with a pod's ephemeral containers, or with the change of them: they may only become more."""
    spec, path = dig_map(body, "spec"), "spec.ephemeralContainers"
    before = dig_list(old, "spec", "ephemeralContainers")
    now = dig_list(spec, "ephemeralContainers")
    by_name = {one.get("name"): one for one in now}
    if any(by_name.get(one.get("name")) != one for one in before):
        return [forbidden(path, "existing ephemeral containers may not be removed or changed")]
    others = [*dig_list(spec, "initContainers"), *dig_list(spec, "containers")]
    taken = {str(one.get("name")) for one in others}
    causes: list[Cause] = []
    for index, container in enumerate(now):
        here, name = f"{path}[{index}]", str(container.get("name") or "")
        if not name:
            causes.append(required(f"{here}.name"))
        elif wrong := names.label(name):
            causes.append(invalid(f"{here}.name", name, wrong))
        elif name in taken:
            causes.append(duplicate(f"{here}.name", name))
        taken.add(name)
        if not container.get("image"):
            causes.append(required(f"{here}.image"))
        target = container.get("targetContainerName")
        if target and target not in {one.get("name") for one in others}:
            causes.append(not_found(f"{here}.targetContainerName", target))
        why = "cannot be set for an Ephemeral Container"
        causes += [forbidden(f"{here}.{key}", why) for key in _NOT_EPHEMERAL if container.get(key)]
        if container.get("resources"):
            causes.append(forbidden(f"{here}.resources", why))
    return causes


def _tolerations_kept(now: list[JsonObject], before: list[JsonObject]) -> list[Cause]:
    """Tolerations may be added, and an old one's time may change."""

    def plain(toleration: JsonObject) -> JsonObject:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    kept = [plain(one) for one in now]
    if all(plain(one) in kept for one in before):
        return []
    why = "existing toleration can not be modified except its tolerationSeconds"
    return [forbidden("spec.tolerations", why)]


def _fixed(spec: JsonObject) -> JsonObject:
    """The part of a pod's spec that never changes."""
    kept = copy(spec)
    for key in _MUTABLE:
        kept.pop(key, None)
    for key in ("containers", "initContainers", "ephemeralContainers"):
        for container in dig_list(kept, key):
            container.pop("image", None)
    return kept


def template(found: JsonObject, path: str) -> list[Cause]:
    """What is wrong with a pod template."""
    causes = meta.labels(dig_map(found, "metadata", "labels"), f"{path}.metadata.labels")
    causes += meta.annotations(dig_map(found, "metadata", "annotations"), f"{path}.metadata.annotations")
    return causes + pod_spec(dig_map(found, "spec"), f"{path}.spec")


def pod_spec(spec: JsonObject, path: str) -> list[Cause]:
    """What is wrong with a PodSpec."""
    causes = _volumes(dig_list(spec, "volumes"), f"{path}.volumes")
    causes += containers(spec, path)
    account = spec.get("serviceAccountName")
    wrong = names.subdomain(account) if account else None
    if wrong:
        causes.append(invalid(f"{path}.serviceAccountName", account, wrong))
    for key in ("hostname", "subdomain"):
        wrong = names.label(spec[key]) if spec.get(key) else None
        if wrong:
            causes.append(invalid(f"{path}.{key}", spec[key], wrong))
    causes += meta.labels(dig_map(spec, "nodeSelector"), f"{path}.nodeSelector")
    deadline = spec.get("activeDeadlineSeconds")
    if isinstance(deadline, int) and not 0 < deadline < 1 << 31:
        why = "must be between 1 and 2147483647, inclusive"
        causes.append(invalid(f"{path}.activeDeadlineSeconds", deadline, why))
    for index, server in enumerate(dig_list(spec, "dnsConfig", "nameservers")):
        causes += _address(server, f"{path}.dnsConfig.nameservers[{index}]")
    for index, alias in enumerate(dig_list(spec, "hostAliases")):
        causes += _address(alias.get("ip"), f"{path}.hostAliases[{index}].ip")
    for index, gate in enumerate(dig_list(spec, "readinessGates")):
        wrong = names.qualified(str(gate.get("conditionType") or ""))
        if wrong:
            causes.append(invalid(f"{path}.readinessGates[{index}].conditionType", gate.get("conditionType"), wrong))
    causes += _user(dig_map(spec, "securityContext"), f"{path}.securityContext")
    for index, toleration in enumerate(dig_list(spec, "tolerations")):
        causes += _toleration(toleration, f"{path}.tolerations[{index}]")
    return causes


def _address(text: object, path: str) -> list[Cause]:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return [invalid(path, text, names.ADDRESS_RULE)]
    return []


def _user(context: JsonObject, path: str) -> list[Cause]:
    return [
        invalid(f"{path}.{key}", context[key], "must be between 0 and 2147483647, inclusive")
        for key in ("runAsUser", "runAsGroup", "fsGroup")
        if isinstance(context.get(key), int) and not 0 <= context[key] < 1 << 31
    ]


def _toleration(toleration: JsonObject, path: str) -> list[Cause]:
    causes: list[Cause] = []
    key, operator = toleration.get("key"), toleration.get("operator") or "Equal"
    wrong = names.qualified(key) if key else None
    if wrong:
        causes.append(invalid(f"{path}.key", key, wrong))
    if not key and operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        causes.append(invalid(f"{path}.operator", toleration.get("operator") or "", why))
    if toleration.get("tolerationSeconds") is not None and toleration.get("effect") != "NoExecute":
        why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        causes.append(invalid(f"{path}.effect", toleration.get("effect") or "", why))
    if operator == "Exists" and toleration.get("value"):
        causes.append(
            invalid(f"{path}.operator", toleration["value"], "value must be empty when `operator` is 'Exists'")
        )
    return causes


def _volumes(volumes: list[JsonObject], path: str) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        here = f"{path}[{index}]"
        name = volume.get("name") or ""
        wrong = names.label(name) if name else None
        if wrong:
            causes.append(invalid(f"{here}.name", name, wrong))
        elif name in seen:
            causes.append(duplicate(f"{here}.name", name))
        seen.add(name)
        sources = [key for key in volume if key != "name"]
        for source, field in _SOURCE_NAMES.items():
            if source in volume and not dig_map(volume, source).get(field):
                causes.append(required(f"{here}.{source}.{field}"))
        causes += [forbidden(f"{here}.{extra}", "may not specify more than 1 volume type") for extra in sources[1:]]
    return causes
