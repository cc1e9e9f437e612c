"""Where the cluster is: in-cluster files, kubeconfigs, neither."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from libs.kube.tests.fake_api import FakeApi

from linkerd_kube import KubeClient, resources
from linkerd_kube import config as module
from linkerd_kube.config import ConfigError, TokenFile
from linkerd_kube.errors import Unreachable
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import free_port


def write_kubeconfig(path: Path, server: str, user: dict[str, object]) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "emojivoto"}},
            {"name": "two", "context": {"cluster": "c", "user": "u"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


async def test_kubeconfig(api: FakeApi, tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", api.url, {"token": "secret"})
    client = await KubeClient.connect(path)
    assert client.namespace == "emojivoto"
    await client.list(resources.PODS)
    assert api.headers[-1]["Authorization"] == "Bearer secret"
    await client.close()
    by_variable = await KubeClient.connect(context="two", environ={"KUBECONFIG": path})
    assert by_variable.namespace is None
    await by_variable.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_cluster_on_this_machine_is_asked_without_the_environments_proxy(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """As kubectl does: kind and the sandbox are there, and no proxy leads to them."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server = api.url.replace("127.0.0.1", host)
    here = await KubeClient.connect(write_kubeconfig(tmp_path / "config", server, {"token": "secret"}))
    await here.list(resources.PODS)
    await here.close()
    away = await KubeClient.connect(write_kubeconfig(tmp_path / "config", "http://192.0.2.1", {"token": "secret"}))
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        await away.list(resources.PODS)
    await away.close()


async def test_an_exec_plugins_token(api: FakeApi, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import json; print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential',"
        " 'status': {'token': 'from-plugin'}}))"
    )
    user: dict[str, object] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(plugin)],
            "interactiveMode": "Never",
        }
    }
    client = await KubeClient.connect(write_kubeconfig(tmp_path / "config", api.url, user))
    await client.list(resources.PODS)
    assert api.headers[-1]["Authorization"] == "Bearer from-plugin"
    await client.close()


@pytest.mark.parametrize("text", ["", "{}", "contexts: []", "a: [", "current-context: nowhere\ncontexts: []"])
async def test_kubeconfigs_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigError):
        await KubeClient.connect(str(path))


async def test_there_is_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        await KubeClient.connect(environ={"HOME": str(tmp_path)})


async def test_in_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SERVICE_ACCOUNT_DIR", tmp_path)
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    with pytest.raises(ConfigError, match="service account"):
        await KubeClient.connect(environ=environ)
    (tmp_path / "ca.crt").write_text(Authority().anchors)
    (tmp_path / "token").write_text("t\n")
    (tmp_path / "namespace").write_text("linkerd")
    client = await KubeClient.connect(environ=environ)
    assert (client.server, client.namespace) == ("https://[fd00::1]:6443", "linkerd")
    await client.close()


async def test_a_rotated_token_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    token = TokenFile(path)
    with pytest.raises(OSError, match="token"):
        await token()
    path.write_text("one")
    assert await token() == "one"
    path.write_text("two")
    assert await token() == "one"
    monkeypatch.setattr(module, "_TOKEN_CACHE_SECONDS", 0.0)
    assert await token() == "two"
    path.unlink()
    assert await token() == "two"


def test_importing_the_client_is_cheap() -> None:
    code = "import sys, linkerd_kube, linkerd_kube.config; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"kubernetes_asyncio", "yaml", "urllib3"} & set(loaded)


async def test_with_a_client_or_told_why_not(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    told: list[str] = []

    async def work(client: KubeClient) -> None:
        asked.append(client.namespace)

    monkeypatch.setenv("KUBECONFIG", write_kubeconfig(tmp_path / "config", api.url, {"token": "secret"}))
    await module.with_client(work, told.append)
    assert (asked, told) == (["emojivoto"], [])
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    await module.with_client(work, told.append)
    assert len(asked) == 1
    assert len(told) == 1
