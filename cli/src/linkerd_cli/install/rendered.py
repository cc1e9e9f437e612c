"""The manifests that `make manifests` renders from deploy/kustomize, shipped as files of this package."""

import re
from pathlib import Path

from linkerd_cli.documents import SEPARATOR, Document, dump_yaml, split

_DIRECTORY = Path(__file__).resolve().parent.parent / "manifests"
CONTROL_PLANE = "control-plane.yaml"
CONTROL_PLANE_HA = "control-plane-ha.yaml"
VIZ = "viz.yaml"


def documents(name: str) -> list[Document]:
    """The documents of one file, in the order in which they are applied."""
    return list(split((_DIRECTORY / name).read_text(encoding="utf-8"), name))


def stream(parts: list[str | dict[str, object]]) -> str:
    """One YAML stream of documents: texts as they are, objects written out."""
    return SEPARATOR.join(part if isinstance(part, str) else dump_yaml(part) for part in parts)


def names_by_kind(name: str, kind: str) -> list[str]:
    """Names of the objects of a kind in one file. kustomize writes fields in order, so no parser is needed."""
    found = []
    for document in documents(name):
        if re.search(rf"^kind: {kind}$", document.text, re.MULTILINE):
            match = re.search(r"^metadata:\n(?: .*\n)*?  name: (\S+)$", document.text, re.MULTILINE)
            found += [match[1]] if match else []
    return found
