"""Cluster state from YAML, through the decoders, for tables of tests."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import yaml

from linkerd_contract.codec import encode
from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.objects import Object
from linkerd_destination.index.state import Index
from linkerd_destination.translate.endpoints import Caller
from linkerd_destination.translate.inbound import render_inbound
from linkerd_destination.translate.outbound import render_outbound
from linkerd_destination.translate.targets import NoAnswer
from linkerd_destination.watch import decode
from linkerd_destination.watch.custom import KINDS

_DECODERS: dict[str, Callable[[bytes], Object]] = {
    "Namespace": decode.namespace,
    "Service": decode.service,
    "EndpointSlice": decode.endpoint_slice,
    "Node": decode.node,
    "Pod": decode.pod,
}
_CUSTOM = {(kind.resource.group, kind.resource.kind): kind.decode for kind in KINDS}


def load(text: str) -> list[Object]:
    """Objects of YAML documents; those without a namespace are in "ns"."""
    found: list[Object] = []
    for document in yaml.safe_load_all(text):
        if document:
            if document["kind"] not in ("Namespace", "Node"):
                document["metadata"].setdefault("namespace", "ns")
            group = document.get("apiVersion", "v1").rpartition("/")[0]
            decoder = _CUSTOM.get((group, document["kind"])) or _DECODERS[document["kind"]]
            found.append(decoder(json.dumps(document).encode()))
    return found


class World:
    """A cluster as destination sees it."""

    def __init__(self, *texts: str, **config: Any) -> None:
        self.index = Index(replace(ClusterConfig(), **config))
        for text in texts:
            for obj in load(text):
                self.index.put(obj)

    def outbound(self, target: str, namespace: str = "", zone: str = "") -> dict[str, Any]:
        """The document as JSON; the error where there is none."""
        try:
            return _json(render_outbound(self.index.view(), target, Caller(namespace, zone)))
        except NoAnswer as error:
            return _json(error.error)

    def inbound(self, workload: str) -> dict[str, Any]:
        try:
            return _json(render_inbound(self.index.view(), workload))
        except NoAnswer as error:
            return _json(error.error)

    def endpoints(self, target: str, zone: str = "") -> list[str]:
        """Addresses, over all backends."""
        return [e["addr"] for e in self.full(target, zone)]

    def full(self, target: str, zone: str = "") -> list[dict[str, Any]]:
        backends = self.outbound(target, zone=zone).get("backends", {})
        return [e for backend in backends.values() for e in backend.get("endpoints", [])]


def _json(document: object) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(encode(document))
    return read
