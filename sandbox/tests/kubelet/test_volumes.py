"""Volumes: atomic publication, and what is read from the API."""

import asyncio
import base64
from pathlib import Path
from typing import cast

import pytest

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import NotFound
from linkerd_kube.objects import JsonObject
from linkerd_sandbox.kubelet.environment import Sources
from linkerd_sandbox.kubelet.volumes import PodVolumes, VolumeError, publish


def test_publication_is_one_rename(tmp_path: Path) -> None:
    assert publish(tmp_path, {"a": (b"1", 0o644), "deep/b": (b"2", 0o600)})
    assert (tmp_path / "a").read_bytes() == b"1"
    assert (tmp_path / "deep" / "b").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").readlink() == Path("..data/a")
    before = (tmp_path / "..data").readlink()
    assert not publish(tmp_path, {"a": (b"1", 0o644), "deep/b": (b"2", 0o600)})
    assert (tmp_path / "..data").readlink() == before
    assert publish(tmp_path, {"c": (b"3", 0o644)})
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("..")) == ["c"]
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("..")]) == 2, "the old one is gone"


class Api:
    """Answers token requests and knows no objects."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, JsonObject]] = []

    async def create(self, path: str, body: JsonObject) -> JsonObject:
        self.requests.append((path, body))
        return {"status": {"token": f"token-{len(self.requests)}", "expirationTimestamp": "2999-01-01T00:00:00Z"}}

    async def get(self, path: str) -> JsonObject:
        raise NotFound(404, "NotFound", path)


def volumes(tmp_path: Path, *wanted: JsonObject) -> tuple[PodVolumes, Api]:
    api = Api()
    pod: JsonObject = {
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "labels": {"app": "web"}},
        "spec": {"serviceAccountName": "web", "volumes": list(wanted)},
    }
    secret = {"type": "Opaque", "data": {"key": base64.b64encode(b"hidden").decode()}}
    sources = Sources(
        pod=pod,
        pod_ips=("10.42.0.9",),
        node_name="sandbox",
        node_ips=("10.42.0.1",),
        node_cpus=2,
        node_memory=1,
        config_map=lambda name: {"data": {"a": "1", "b": "2"}} if name == "config" else None,
        secret=lambda name: secret if name == "secret" else None,
    )
    return PodVolumes(tmp_path, pod, cast(KubeClient, api), sources), api


async def test_every_kind(tmp_path: Path) -> None:
    token = {"serviceAccountToken": {"path": "token", "audience": "identity.l5d.io", "expirationSeconds": 86400}}
    labels = {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}}
    made, api = volumes(
        tmp_path,
        {"name": "empty", "emptyDir": {"medium": "Memory"}},
        {"name": "config", "configMap": {"name": "config", "items": [{"key": "a", "path": "sub/one"}]}},
        {"name": "secret", "secret": {"secretName": "secret", "defaultMode": 0o400}},
        {"name": "all", "projected": {"sources": [token, labels, {"configMap": {"name": "gone", "optional": True}}]}},
    )
    await made.prepare()
    await made.prepare()
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o777
    assert (tmp_path / "config" / "sub" / "one").read_text() == "1"
    assert not (tmp_path / "config" / "b").exists()
    assert (tmp_path / "secret" / "key").read_bytes() == b"hidden"
    assert (tmp_path / "secret" / "key").stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "all" / "token").read_text() == "token-1"
    assert (tmp_path / "all" / "labels").read_text() == 'app="web"'
    assert len(api.requests) == 1, "a fresh token is not asked for again"
    path, body = api.requests[0]
    assert path == "/api/v1/namespaces/shop/serviceaccounts/web/token"
    assert body["spec"]["audiences"] == ["identity.l5d.io"]
    assert body["spec"]["boundObjectRef"]["uid"] == "u1"
    assert made.path("config", "sub/one").read_text() == "1"
    assert made.refresh_at < asyncio.get_running_loop().time() + 90000


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "missing"}}, 'configmap "missing" not found'),
        ({"secret": {"secretName": "secret", "items": [{"key": "x", "path": "x"}]}}, "non-existent config key: x"),
        ({"nfs": {}}, "volumes of kind nfs are not implemented"),
        ({"hostPath": {"path": "/no/such/place"}}, "does not exist"),
    ],
)
async def test_what_cannot_be_mounted_is_said(tmp_path: Path, volume: JsonObject, message: str) -> None:
    made, _ = volumes(tmp_path, {"name": "v", **volume})
    with pytest.raises(VolumeError, match=message):
        await made.prepare()


async def test_unknown_names(tmp_path: Path) -> None:
    made, _ = volumes(tmp_path)
    with pytest.raises(KeyError):
        made.path("nothing")
