"""Values into objects. PURE: equal values give equal bytes; objects that they do not concern stay as rendered."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from linkerd_cli.documents import Document, load
from linkerd_cli.errors import CliError
from linkerd_cli.install import settings
from linkerd_cli.tree import JsonObject, mapping, objects, text
from linkerd_cli.values import parse_values
from linkerd_contract import names
from linkerd_rules.injection import from_values, parsing, pod_template

DEFAULT_DOMAIN = names.CLUSTER_DOMAIN
# Of identity.issuer: what identity's process is told where a value differs from Linkerd's default.
ISSUANCE = {
    "issuanceLifetime": ("LINKERD_IDENTITY_LEAF_LIFETIME", "86400000ms"),
    "clockSkewAllowance": ("LINKERD_IDENTITY_CLOCK_SKEW", "20000ms"),
}
_WITH_IMAGES = ("proxy", "debugContainer")
"""Values that name an image which the injector writes into pods."""
# Values that are not the injector's, which checks its own.
_CONTROLLERS: dict[str, Callable[[str], object]] = {
    "controllerLogFormat": parsing.words("plain", "json"),
    "controllerLogLevel": parsing.words("trace", "debug", "info", "warn", "error", "off"),
    "controllerReplicas": parsing.integer(0, 100),
    "controllerUID": parsing.integer(1, 2**31 - 1),
    "identity.issuer.scheme": parsing.words("linkerd.io/tls", "kubernetes.io/tls"),
    "webhookFailurePolicy": parsing.words("Ignore", "Fail"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. `registry` replaces ours in every image."""

    assignments: list[str]
    registry: str = names.REGISTRY
    crds_only: bool = False


def render(documents: list[Document], request: Request) -> list[str | JsonObject]:
    """The documents, each as rendered where nothing changed it. Raises UsageError."""
    parsed = [(document, _object(document)) for document in documents]
    if request.crds_only:
        parsed = [(d, o) for d, o in parsed if o.get("kind") == "CustomResourceDefinition"]
    elif request.assignments or request.registry != names.REGISTRY:
        values = next(_installation_values(o) for _, o in parsed if _is_config(o))
        if request.registry != names.REGISTRY:
            for key in _WITH_IMAGES:
                image = mapping(mapping(values, key), "image")
                image["name"] = text(image, "name").replace(names.REGISTRY, request.registry, 1)
        settings.apply(values, request.assignments)
        _follow_version(values, request.assignments)
        _validate(values)
        return [_filled(document, value, values, request.registry) for document, value in parsed]
    return [document.text for document, _ in parsed]


def _object(document: Document) -> JsonObject:
    value = load(document)
    if not isinstance(value, dict):
        raise CliError(f"{document.source}:{document.line}: not an object")
    return value


def _is_config(value: JsonObject) -> bool:
    return value.get("kind") == "ConfigMap" and mapping(value, "metadata").get("name") == names.CONFIG_MAP


def _installation_values(config: JsonObject) -> JsonObject:
    return parse_values(mapping(config, "data").get("values"))


def _follow_version(values: JsonObject, assignments: list[str]) -> None:
    """linkerdVersion alone moves the proxy too, as in Linkerd's chart."""
    keys = {key for key, _ in settings.parse_assignments(assignments)}
    for key in _WITH_IMAGES:
        if "linkerdVersion" in keys and f"{key}.image.version" not in keys:
            mapping(mapping(values, key), "image")["version"] = values["linkerdVersion"]
    if "clusterDomain" in keys and "identityTrustDomain" not in keys:
        values["identityTrustDomain"] = values["clusterDomain"]


def _validate(values: JsonObject) -> None:
    """The injector's own reading of the values: what it would warn of is an error here."""
    _, warnings = from_values(
        values, trust_anchors="", control_plane_namespace=names.LINKERD_NAMESPACE, native_sidecars=True
    )
    if warnings:
        raise CliError(f"--set {warnings[0]}")
    for key, parse in _CONTROLLERS.items():
        *parents, leaf = key.split(".")
        try:
            parse(str(functools.reduce(mapping, parents, values)[leaf]))
        except ValueError as error:
            raise CliError(f"--set {key}: {error}") from error
    for key in ISSUANCE:
        _issuance(values, key)


def _filled(document: Document, value: JsonObject, values: JsonObject, registry: str) -> str | JsonObject:
    kind = value.get("kind")
    if _is_config(value):
        mapping(value, "data")["values"] = settings.dump(values)
    elif kind == "Deployment":
        _fill_deployment(value, values, registry)
    elif kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for webhook in objects(value, "webhooks"):
            webhook["failurePolicy"] = values["webhookFailurePolicy"]
    else:
        return document.text
    return value if value != _object(document) else document.text


def _fill_deployment(deployment: JsonObject, values: JsonObject, registry: str) -> None:
    mapping(deployment, "spec")["replicas"] = values["controllerReplicas"]
    spec = mapping(pod_template(deployment) or {}, "spec")
    uid = values["controllerUID"]
    pod_security = mapping(spec, "securityContext")
    pod_security.update(dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), uid))
    for container in objects(spec, "containers"):
        repository = text(container, "image").rpartition(":")[0]
        container["image"] = f"{repository.replace(names.REGISTRY, registry, 1)}:{values['linkerdVersion']}"
        container["imagePullPolicy"] = values["imagePullPolicy"]
        mapping(container, "securityContext")["runAsUser"] = uid
        issuance = _issuance_env(values) if text(container, "name") == "identity" else []
        container["env"] = [*_fill_env(objects(container, "env"), values), *issuance]


def _fill_env(env: list[JsonObject], values: JsonObject) -> Iterator[JsonObject]:
    fixed = {
        "LINKERD_CLUSTER_DOMAIN": values["clusterDomain"],
        "LINKERD_TRUST_DOMAIN": values["identityTrustDomain"],
        "LINKERD_LOG_LEVEL": values["controllerLogLevel"],
        "LINKERD_LOG_FORMAT": values["controllerLogFormat"],
    }
    for variable in env:
        name = text(variable, "name")
        if name in fixed:
            variable["value"] = fixed[name]
        elif name == "LINKERD_IDENTITY_ADDR":
            variable["value"] = text(variable, "value").replace(DEFAULT_DOMAIN, str(values["clusterDomain"]))
        elif name == "LINKERD_IDENTITY_NAME":
            variable["value"] = text(variable, "value").replace(DEFAULT_DOMAIN, str(values["identityTrustDomain"]))
        yield variable


def _issuance(values: JsonObject, key: str) -> str:
    """Milliseconds, as "20000ms". Raises CliError."""
    value = text(mapping(mapping(values, "identity"), "issuer"), key)
    try:
        return parsing.duration(value)
    except ValueError as error:
        raise CliError(f"--set identity.issuer.{key}: {error}") from error


def _issuance_env(values: JsonObject) -> list[JsonObject]:
    asked = ((variable, _issuance(values, key), default) for key, (variable, default) in ISSUANCE.items())
    return [{"name": variable, "value": value} for variable, value, default in asked if value != default]
