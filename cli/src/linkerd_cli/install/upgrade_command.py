"""`linkerd upgrade`: this version's manifests with what the installation was asked for, and what is asked for now."""

import argparse
from pathlib import Path

from linkerd_cli.context import Context, run_async
from linkerd_cli.documents import load, split
from linkerd_cli.errors import CliError, cause
from linkerd_cli.install.flags import add_value_flags, assignments_of, take_ha
from linkerd_cli.install.manifests import manifests, without_definitions, write
from linkerd_cli.install.overrides import SECRET, Overrides, read
from linkerd_cli.install.survey import foreign_definitions
from linkerd_cli.tree import JsonObject, meta
from linkerd_cli.usage import Parser
from linkerd_contract import names

EXAMPLES = """examples:
  linkerd upgrade | kubectl apply -f -
  linkerd upgrade --set proxy.logLevel=debug | kubectl apply -f -
  linkerd prune | kubectl delete -f -"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("--crds", action="store_true", help="the CustomResourceDefinitions alone")
    parser.add_argument("--force", action="store_true", help="accepted; nothing random is made that could be lost")
    parser.add_argument("--from-manifests", metavar="FILE", help="what `install` printed, instead of the cluster")
    add_value_flags(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Trust is not touched: what identity made or the user brought stays in the cluster."""
    stored, foreign = (
        (_from_file(args.from_manifests), dict[str, str]()) if args.from_manifests else run_async(installed(context))
    )
    assignments, ha = take_ha(assignments_of(args), args.ha or stored.ha)
    wanted = stored.and_then(Overrides(assignments, args.registry or "", ha))
    parts = manifests(wanted, context.namespace, crds_only=args.crds)
    write(without_definitions(parts, foreign), args.output)
    return 0


async def installed(context: Context) -> tuple[Overrides, dict[str, str]]:
    """What the installation was asked for, and whose definitions are not ours. Raises CliError, ApiError."""
    from linkerd_kube.errors import NotFound
    from linkerd_kube.resources import CONFIG_MAPS, SECRETS

    async with context.client() as client:
        try:
            await client.get(CONFIG_MAPS.path(context.namespace, names.CONFIG_MAP))
        except NotFound as error:
            raise CliError(f"Linkerd is not installed in namespace {context.namespace}: {error}") from error
        try:
            stored = read(await client.get(SECRETS.path(context.namespace, SECRET)))
        except NotFound:
            stored = Overrides([])
        return stored, await foreign_definitions(client, context.namespace)


def _from_file(path: str) -> Overrides:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"--from-manifests {path}: {cause(error)}") from error
    values = [load(document) for document in split(text, path)]
    objects: list[JsonObject] = [value for value in values if isinstance(value, dict)]
    if not any(meta(obj, "name") == names.CONFIG_MAP for obj in objects):
        raise CliError(f"--from-manifests {path}: no ConfigMap {names.CONFIG_MAP} in it")
    return next((read(obj) for obj in objects if meta(obj, "name") == SECRET), Overrides([]))
