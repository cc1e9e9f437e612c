"""`linkerd sandbox kubectl` where no kubectl is installed: apply, get, annotate, logs, wait, delete.

Not kubectl, and it says so: no other command, no other flag. Tables are the server's own (`as=Table`), so columns and
values are those that kubectl shows. `apply` is a three-way patch with kubectl's last-applied annotation, so that
the two tools can take turns.
"""

import argparse
import asyncio
import json
import ssl
import sys
import time
from base64 import b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp
import yaml

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError, NotFound
from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_sandbox.fields import dig, dig_list
from linkerd_sandbox.manifests import Usage, read_manifests, three_way

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
_POLL_SECONDS: Final = 0.1


def parser() -> argparse.ArgumentParser:
    """The commands and flags that there are."""
    root = argparse.ArgumentParser(
        prog="linkerd sandbox kubectl", description="A small stand-in: install kubectl for all of its commands."
    )
    # Before the command and behind it, as kubectl's; a default behind it would undo what was said before.
    root.add_argument("-n", "--namespace", default="default")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-n", "--namespace", default=argparse.SUPPRESS)
    sub = root.add_subparsers(dest="command", required=True)
    apply = sub.add_parser("apply", parents=[common])
    apply.add_argument("-f", "--filename", action="append", required=True)
    get = sub.add_parser("get", parents=[common])
    get.add_argument("words", nargs="+", metavar="KIND [NAME]")
    get.add_argument("-A", "--all-namespaces", action="store_true")
    get.add_argument("-l", "--selector", default="")
    get.add_argument("-o", "--output", choices=("yaml", "json", "name", "wide"), default="")
    annotate = sub.add_parser("annotate", parents=[common])
    annotate.add_argument("words", nargs="+", metavar="KIND NAME KEY=VALUE|KEY-")
    annotate.add_argument("--overwrite", action="store_true")
    logs = sub.add_parser("logs", parents=[common])
    logs.add_argument("pod")
    logs.add_argument("-c", "--container", default="")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.add_argument("-p", "--previous", action="store_true")
    logs.add_argument("--tail", type=int)
    wait = sub.add_parser("wait", parents=[common])
    wait.add_argument("words", nargs="+", metavar="KIND NAME | KIND/NAME | KIND")
    wait.add_argument("--for", dest="condition", required=True)
    wait.add_argument("--timeout", default="30s")
    wait.add_argument("--all", action="store_true")
    wait.add_argument("-l", "--selector", default="")
    delete = sub.add_parser("delete", parents=[common])
    delete.add_argument("words", nargs="*", metavar="KIND NAME")
    delete.add_argument("-f", "--filename", action="append", default=[])
    delete.add_argument("--ignore-not-found", action="store_true")
    return root


class Kind(NamedTuple):
    resource: Resource
    names: frozenset[str]


class Session:
    """A connection with the kubeconfig that the sandbox wrote (JSON, one token, one CA)."""

    def __init__(self, http: aiohttp.ClientSession, token: str, server: str) -> None:
        self.client = KubeClient(server, http, self._bearer)
        self._http = http
        self._token = token
        self._server = server
        self._kinds: list[Kind] = []

    async def _bearer(self) -> str:
        return self._token

    async def table(self, path: str, params: dict[str, str]) -> JsonObject:
        headers = {"Accept": _TABLE, "Authorization": f"Bearer {self._token}"}
        async with self._http.get(self._server + path, params=params, headers=headers) as response:
            body: JsonObject = await response.json(content_type=None)
            if response.status >= 400:
                raise ApiError(response.status, str(body.get("reason")), str(body.get("message")))
            return body

    async def kinds(self) -> list[Kind]:
        """All that the server serves, core group first."""
        if not self._kinds:
            groups = [("", "v1", "/api/v1")]
            for group in dig_list(await self.client.get("/apis"), "groups"):
                version = group["preferredVersion"]["version"]
                groups.append((group["name"], version, f"/apis/{group['name']}/{version}"))
            documents = await asyncio.gather(*(self.client.get(path) for _, _, path in groups))
            for (group, version, _), document in zip(groups, documents, strict=True):
                self._kinds += _kinds_of(group, version, document)
        return self._kinds

    async def find(self, name: str) -> Resource:
        """A kind by plural, singular, short name, or name.group. Raises Usage."""
        for kind in await self.kinds():
            if name.lower() in kind.names:
                return kind.resource
        raise Usage(f'error: the server doesn\'t have a resource type "{name}"')

    async def of(self, obj: JsonObject) -> Resource:
        """The resource of a manifest. Raises Usage."""
        for kind in await self.kinds():
            if (kind.resource.api_version, kind.resource.kind) == (obj.get("apiVersion"), obj.get("kind")):
                return kind.resource
        # another version than the preferred one, or a kind defined a moment ago
        api = str(obj.get("apiVersion"))
        group, _, version = api.rpartition("/")
        try:
            document = await self.client.get(f"/apis/{api}" if group else f"/api/{api}")
        except NotFound:
            document = {}
        for kind in _kinds_of(group, version, document):
            if kind.resource.kind == obj.get("kind"):
                return kind.resource
        raise Usage(f'error: no matches for kind "{obj.get("kind")}" in version "{api}"')


def _kinds_of(group: str, version: str, document: JsonObject) -> Iterator[Kind]:
    for entry in dig_list(document, "resources"):
        if "/" in entry["name"]:
            continue
        plural = str(entry["name"])
        names = {plural, entry.get("singularName") or entry["kind"].lower(), *(entry.get("shortNames") or [])}
        names.add(f"{plural}.{group}")
        yield Kind(Resource(group, version, plural, entry["kind"], bool(entry["namespaced"])), frozenset(names))


async def _apply(session: Session, arguments: argparse.Namespace) -> int:
    failed = 0
    for obj in read_manifests(arguments.filename):
        try:
            resource = await session.of(obj)
            print(f"{_label(resource, obj['metadata']['name'])} {await _apply_one(session, resource, obj, arguments)}")
        except (Usage, ApiError) as error:
            print(
                error if isinstance(error, Usage) else f"Error from server ({error.reason}): {error.message}",
                file=sys.stderr,
            )
            failed = 1
    return failed


async def _apply_one(session: Session, resource: Resource, obj: JsonObject, arguments: argparse.Namespace) -> str:
    meta = obj.setdefault("metadata", {})
    namespace = str(meta.setdefault("namespace", arguments.namespace)) if resource.namespaced else None
    annotations = meta.get("annotations") or {}
    annotations.pop(_LAST_APPLIED, None)
    text = json.dumps(obj, separators=(",", ":")) + "\n"
    meta["annotations"] = annotations | {_LAST_APPLIED: text}
    try:
        there = await session.client.get(resource.path(namespace, meta["name"]))
    except NotFound:
        await session.client.create(resource.path(namespace), obj)
        return "created"
    last = json.loads((dig(there, "metadata", "annotations") or {}).get(_LAST_APPLIED, "{}"))
    if not (patch := three_way(last, obj, there)):
        return "unchanged"
    builtin = "." not in resource.group or resource.group.endswith(".k8s.io")
    kind = "strategic-merge-patch" if builtin else "merge-patch"
    patched = await session.client.patch(resource.path(namespace, meta["name"]), patch, f"application/{kind}+json")
    same = patched["metadata"]["resourceVersion"] == there["metadata"]["resourceVersion"]
    return "unchanged" if same else "configured"


def _label(resource: Resource, name: str) -> str:
    group = f".{resource.group}" if resource.group else ""
    return f"{resource.kind.lower()}{group}/{name}"


async def _targets(session: Session, words: Sequence[str]) -> tuple[Resource, list[str]]:
    """KIND [NAME...], or KIND/NAME. Raises Usage."""
    if "/" in words[0]:
        kind, _, name = words[0].partition("/")
        return await session.find(kind), [name, *(word.partition("/")[2] for word in words[1:])]
    return await session.find(words[0]), list(words[1:])


async def _get(session: Session, arguments: argparse.Namespace) -> int:
    for number, kind in enumerate(arguments.words[0].split(",")):
        resource, names = await _targets(session, [kind, *arguments.words[1:]])
        namespace = arguments.namespace if resource.namespaced and not arguments.all_namespaces else None
        params = {"labelSelector": arguments.selector} if arguments.selector else {}
        for path in [resource.path(namespace, name) for name in names] or [resource.path(namespace)]:
            if arguments.output in ("yaml", "json", "name"):
                _print_objects(resource, await session.client.get(path, params), arguments.output)
            else:
                if number:
                    print()
                document = await session.table(path, params)
                everywhere = resource.namespaced and arguments.all_namespaces
                for line in table_lines(document, wide=arguments.output == "wide", namespaces=everywhere):
                    print(line)
    return 0


def _print_objects(resource: Resource, document: JsonObject, output: str) -> None:
    if output == "name":
        for obj in document.get("items", [document]):
            print(_label(resource, obj["metadata"]["name"]))
    elif output == "json":
        print(json.dumps(as_list(resource, document), indent=4))
    else:
        print(yaml.safe_dump(as_list(resource, document), sort_keys=True), end="")


def as_list(resource: Resource, document: JsonObject) -> JsonObject:
    """An object as it is; a collection as `kind: List` of whole objects, which apply takes again. PURE."""
    if "items" not in document:
        return document
    items = [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in document["items"] or []]
    return {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}


def table_lines(document: JsonObject, *, wide: bool, namespaces: bool) -> list[str]:
    """A Table as aligned columns, three spaces between. PURE."""
    columns = dig_list(document, "columnDefinitions")
    shown = [index for index, column in enumerate(columns) if wide or not column.get("priority")]
    rows = [[str(columns[index]["name"]).upper() for index in shown]]
    rows += [[_cell(row["cells"][index]) for index in shown] for row in dig_list(document, "rows")]
    if len(rows) == 1:
        return ["No resources found"]
    if namespaces:
        names = ["NAMESPACE", *(str(dig(row, "object", "metadata", "namespace")) for row in document["rows"])]
        rows = [[name, *row] for name, row in zip(names, rows, strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cell(value: object) -> str:
    return "<none>" if value in (None, "") else str(value)


async def _annotate(session: Session, arguments: argparse.Namespace) -> int:
    targets = [word for word in arguments.words if "=" not in word and not word.endswith("-")]
    changes: dict[str, str | None] = {}
    for word in arguments.words:
        key, equals, value = word.partition("=")
        if equals:
            changes[key] = value
        elif word.endswith("-"):
            changes[word[:-1]] = None
    if not targets or not changes:
        raise Usage("error: annotate KIND NAME KEY=VALUE|KEY-")
    resource, names = await _targets(session, targets)
    namespace = arguments.namespace if resource.namespaced else None
    for name in names:
        path = resource.path(namespace, name)
        have = dig(await session.client.get(path), "metadata", "annotations") or {}
        clash = [key for key, value in changes.items() if value is not None and have.get(key, value) != value]
        if clash and not arguments.overwrite:
            raise Usage(f"error: --overwrite is false but found the following declared annotation(s): {clash[0]}")
        await session.client.patch(path, {"metadata": {"annotations": changes}})
        print(f"{_label(resource, name)} annotated")
    return 0


async def _logs(session: Session, arguments: argparse.Namespace) -> int:
    params = {"follow": str(arguments.follow).lower(), "previous": str(arguments.previous).lower()}
    if arguments.container:
        params["container"] = arguments.container
    if arguments.tail is not None:
        params["tailLines"] = str(arguments.tail)
    pods = await session.find("pods")
    path = pods.path(arguments.namespace, arguments.pod.removeprefix("pod/"), "log")
    async for line in session.client.stream_text(path, params):
        print(line, flush=True)
    return 0


def seconds(text: str) -> float:
    """A duration such as 30s, 2m, 1h. Raises Usage."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    if text[-1:] in units and text[:-1].isdigit():
        return int(text[:-1]) * units[text[-1]]
    raise Usage(f'error: invalid duration "{text}"')


def meets(obj: JsonObject, condition: str) -> bool:
    """Whether an object meets --for=condition=NAME[=VALUE]. PURE."""
    _, _, rest = condition.partition("=")
    name, _, value = rest.partition("=")
    found = next((c for c in dig_list(obj, "status", "conditions") if c["type"].lower() == name.lower()), None)
    current = dig(obj, "status", "observedGeneration") in (None, dig(obj, "metadata", "generation"))
    return found is not None and current and str(found["status"]).lower() == (value or "true").lower()


async def _wait(session: Session, arguments: argparse.Namespace) -> int:
    if arguments.condition != "delete" and not arguments.condition.startswith("condition="):
        raise Usage("error: --for must be delete or condition=NAME[=VALUE]")
    resource, names = await _targets(session, arguments.words)
    namespace = arguments.namespace if resource.namespaced else None
    deadline = time.monotonic() + seconds(arguments.timeout)
    if not names:
        items = (await session.client.list(resource, namespace, label_selector=arguments.selector)).items
        names = [str(item["metadata"]["name"]) for item in items]
        if not names:
            raise Usage("error: no matching resources found")
    for name in names:
        if not await _until(session, resource.path(namespace, name), arguments.condition, deadline):
            raise Usage(f"error: timed out waiting for the condition on {resource.plural}/{name}")
        print(f"{_label(resource, name)} condition met")
    return 0


async def _until(session: Session, path: str, condition: str, deadline: float) -> bool:
    """Asks until the condition is met; False where the time was over first. Raises ApiError."""
    while not await _met(session, path, condition):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


async def _met(session: Session, path: str, condition: str) -> bool:
    try:
        obj = await session.client.get(path)
    except NotFound:
        if condition == "delete":
            return True
        raise
    return condition != "delete" and meets(obj, condition)


async def _delete(session: Session, arguments: argparse.Namespace) -> int:
    targets: list[tuple[Resource, str | None, str]] = []
    for obj in reversed(read_manifests(arguments.filename)):
        resource = await session.of(obj)
        own = dig(obj, "metadata", "namespace") or arguments.namespace
        targets.append((resource, str(own) if resource.namespaced else None, str(obj["metadata"]["name"])))
    if arguments.words:
        resource, names = await _targets(session, arguments.words)
        targets += [(resource, arguments.namespace if resource.namespaced else None, name) for name in names]
    if not targets:
        raise Usage("error: delete KIND NAME, or delete -f FILE")
    failed = 0
    for resource, namespace, name in targets:
        try:
            await session.client.delete(resource.path(namespace, name), {"propagationPolicy": "Background"})
        except NotFound as error:
            if not arguments.ignore_not_found:
                print(f"Error from server (NotFound): {error.message}", file=sys.stderr)
                failed = 1
        else:
            print(f'{_label(resource, "")[:-1]} "{name}" deleted')
    for resource, namespace, name in targets:
        await _until(session, resource.path(namespace, name), "delete", float("inf"))
    return failed


_COMMANDS: Final = {
    "apply": _apply,
    "get": _get,
    "annotate": _annotate,
    "logs": _logs,
    "wait": _wait,
    "delete": _delete,
}


async def _run(document: JsonObject, arguments: argparse.Namespace) -> int:
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        session = Session(http, user["token"], cluster["server"])
        return await _COMMANDS[arguments.command](session, arguments)


def run(kubeconfig: Path, argv: Sequence[str]) -> int:
    """Returns the exit code."""
    arguments = parser().parse_args(argv)
    try:
        return asyncio.run(_run(json.loads(kubeconfig.read_text()), arguments))
    except Usage as error:
        print(error, file=sys.stderr)
    except ApiError as error:
        print(f"Error from server ({error.reason}): {error.message}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1
