"""Manifests of the kubectl stand-in: read from files, compared with what is there."""

import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig_list


class Usage(Exception):
    """Bad input; one line for people."""


def read_manifests(names: Sequence[str]) -> list[JsonObject]:
    """Objects of files, folders or standard input; lists are taken apart. Raises Usage."""
    found: list[JsonObject] = []
    for name in names:
        paths = sorted(p for p in Path(name).glob("*") if p.suffix in (".yaml", ".yml", ".json"))
        try:
            texts = [sys.stdin.read()] if name == "-" else [p.read_text() for p in paths or [Path(name)]]
            documents = [document for text in texts for document in yaml.safe_load_all(text) if document]
        except (OSError, yaml.YAMLError) as error:
            raise Usage(f"error: {name}: {' '.join(str(error).split())}") from None
        for document in documents:
            if not isinstance(document, dict) or "kind" not in document:
                raise Usage(f"error: {name}: Object 'Kind' is missing")
            found += dig_list(document, "items") if document["kind"].endswith("List") else [document]
    return found


def three_way(last: JsonObject, wanted: JsonObject, live: JsonObject) -> JsonObject:
    """The patch that brings `wanted` about on `live` and removes what only `last` had; {} where all is as wanted. PURE.

    A list is sent whole, and only when it is another than in `last`: the server merges or replaces it by its kind.
    """
    patch: JsonObject = {key: None for key in last if key not in wanted and key in live}
    for key, value in wanted.items():
        there = live.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            before = last.get(key)
            if inner := three_way(before if isinstance(before, dict) else {}, value, there):
                patch[key] = inner
        elif there != value and (not isinstance(value, list) or there is None or last.get(key) != value):
            patch[key] = value
    return patch
