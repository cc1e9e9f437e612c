"""`linkerd inject --manual`: the installation's own values and trust bundle, through the rules of the webhook."""

import re
from pathlib import Path

from linkerd_cli.context import Context
from linkerd_cli.errors import CliError
from linkerd_cli.inject.transform import Renderer
from linkerd_cli.tree import JsonObject, mapping, meta, text
from linkerd_cli.values import read_values
from linkerd_contract import names
from linkerd_rules.injection import InjectConfig, Source, Target, from_values, inject_pod

NATIVE_SIDECARS_FROM = (1, 29)


def server_version(version: JsonObject) -> tuple[int, int]:
    """(1, 32) of what /version answers. Raises CliError."""
    match = re.match(r"v?(\d+)\.(\d+)", text(version, "gitVersion"))
    if match is None:
        raise CliError(f"the API server's version cannot be read: {text(version, 'gitVersion')!r}")
    return int(match[1]), int(match[2])


async def read_config(context: Context) -> InjectConfig:
    """Of the installed control plane. Raises CliError, ApiError."""
    from linkerd_kube.errors import NotFound
    from linkerd_kube.resources import CONFIG_MAPS

    async with context.client() as client:
        try:
            values = await read_values(client, context.namespace)
            roots = await client.get(CONFIG_MAPS.path(context.namespace, names.TRUST_ROOTS_CONFIG_MAP))
        except NotFound as error:
            raise CliError(f"the control plane is not installed in namespace {context.namespace}: {error}") from error
        native = server_version(await client.get("/version")) >= NATIVE_SIDECARS_FROM
    config, _ = from_values(
        values,
        trust_anchors=text(mapping(roots, "data"), names.TRUST_ROOTS_KEY),
        control_plane_namespace=context.namespace,
        native_sidecars=native,
    )
    return config


def default_config(context: Context, anchors_file: str) -> InjectConfig:
    """Of an installation with no values of its own, in a cluster that runs native sidecars. Raises CliError."""
    from cryptography import x509

    try:
        anchors = Path(anchors_file).read_text(encoding="utf-8")
        x509.load_pem_x509_certificates(anchors.encode())
    except (OSError, ValueError, x509.InvalidVersion) as error:
        raise CliError(f"{anchors_file}: {error}") from error
    config, _ = from_values({}, trust_anchors=anchors, control_plane_namespace=context.namespace, native_sidecars=True)
    return config


def renderer(config: InjectConfig) -> Renderer:
    """Writes the sidecar into pod templates."""

    def render(template: JsonObject, document: JsonObject) -> tuple[JsonObject, list[str]]:
        kind = text(document, "kind").lower()
        target = Target(
            source=Source.CLI,
            namespace=meta(document, "namespace"),
            owner_kind="" if kind == "pod" else kind,
            owner_name="" if kind == "pod" else meta(document, "name"),
        )
        injection = inject_pod(template, target, config)
        if injection.mutated is None:
            raise CliError(f"{kind}/{meta(document, 'name')}: {', '.join(r.message for r in injection.reasons)}")
        return injection.mutated, list(injection.warnings)

    return render
