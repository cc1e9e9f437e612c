"""Streams of manifests through a transformation: what does not change leaves byte for byte."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from linkerd_cli.documents import SEPARATOR, Document, dump_json, dump_yaml, load, split
from linkerd_cli.errors import CliError, cause
from linkerd_cli.inject.transform import Report, Result
from linkerd_cli.tree import JsonObject

Transform = Callable[[JsonObject], Result]
_FETCH_SECONDS = 30.0
_MOST_BYTES = 64 << 20
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def read_inputs(argument: str) -> Iterator[Document]:
    """The documents of "-" (stdin), a URL, a file, or every manifest under a directory, by name. Raises CliError."""
    if argument.startswith(("http://", "https://")):
        yield from split(_decoded(_fetched(argument), argument), argument)
        return
    if argument == "-":
        yield from split(_decoded(sys.stdin.buffer.read(), "stdin"), "stdin")
        return
    path = Path(argument)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in _SUFFIXES)
        if not files:
            raise CliError(f"{argument}: no .yaml, .yml or .json file in this directory")
    else:
        files = [path]
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CliError(f"{file}: {cause(error)}") from error
        yield from split(_decoded(data, str(file)), str(file))


def _fetched(url: str) -> bytes:
    # The standard library's, for one GET; argument parsing has seen to the scheme.
    import http.client
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=_FETCH_SECONDS) as response:  # noqa: S310
            data: bytes = response.read(_MOST_BYTES + 1)
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        raise CliError(f"{url}: {error}") from error
    if len(data) > _MOST_BYTES:
        raise CliError(f"{url}: more than {_MOST_BYTES >> 20} MiB")
    return data


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CliError(f"{source}: not UTF-8 at byte {error.start}") from error


def process(documents: Iterator[Document], transform: Transform, output: str) -> tuple[str, list[Report]]:
    """The stream after the transformation, and a report for each object. `output` is yaml or json."""
    written: list[str] = []
    reports: list[Report] = []
    for document in documents:
        if document.blank:
            # Comments alone (a licence): nothing to report, nothing to lose.
            if output == "yaml" and document.text.strip():
                written.append(_ended(document.text) + SEPARATOR)
            continue
        value = load(document)
        if value is not None and not isinstance(value, dict):
            raise CliError(f"{document.source}:{document.line}:1: not a Kubernetes object")
        parsed = cast(JsonObject, value or {})
        after, found = _transform(parsed, transform)
        reports += found
        changed = any(r.outcome != "skipped" for r in found)
        if output == "json":
            written.append(dump_json(after))
        else:
            written.append((dump_yaml(after) if changed else _ended(document.text)) + SEPARATOR)
    return "".join(written), reports


def _transform(document: JsonObject, transform: Transform) -> tuple[JsonObject, list[Report]]:
    items = document.get("items")
    if document.get("kind") != "List" or not isinstance(items, list):
        after, report = transform(document)
        return after, [report]
    reports: list[Report] = []
    replaced: list[object] = []
    for item in items:
        if isinstance(item, dict):
            item, found = _transform(item, transform)
            reports += found
        replaced.append(item)
    return {**document, "items": replaced}, reports


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"
