"""Where the cluster is and how to authenticate: in-cluster files, or a kubeconfig.

In-cluster configuration is read here: it is two variables and two files, and reading it through kubernetes_asyncio
costs every control plane pod 41 MB and most of a second. Kubeconfigs (exec plugins, OIDC, merging, client
certificates) are kubernetes_asyncio's.
"""

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient, TransportOptions

SERVICE_ACCOUNT_DIR = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# The kubelet renews a token at 80 % of its life (an hour at least): a minute of delay is safe, and is client-go's.
_TOKEN_CACHE_SECONDS = 60.0


class ConfigError(Exception):
    """No cluster can be found, or what was found cannot be used; one line for people."""


async def connect(
    kind: "type[KubeClient]", kubeconfig: str | None, context: str | None, environ: Mapping[str, str] | None
) -> "KubeClient":
    """KubeClient.connect."""
    variables = os.environ if environ is None else environ
    if kubeconfig is None and context is None and variables.get("KUBERNETES_SERVICE_HOST"):
        return await in_cluster(kind, variables, SERVICE_ACCOUNT_DIR)
    return await _from_kubeconfig(kind, kubeconfig or _default_kubeconfig(variables), context)


async def with_client(work: "Callable[[KubeClient], Awaitable[None]]", failed: Callable[[str], None]) -> None:
    """Connect as KubeClient.connect does, work, close. A ConfigError's words go to `failed`, and nothing is done."""
    from linkerd_kube.client import KubeClient

    try:
        client = await KubeClient.connect()
    except ConfigError as error:
        failed(str(error))
        return
    try:
        await work(client)
    finally:
        await client.close()


async def in_cluster(kind: "type[KubeClient]", environ: Mapping[str, str], directory: Path) -> "KubeClient":
    """As a pod: KUBERNETES_SERVICE_{HOST,PORT}; `ca.crt`, `token`, `namespace` in `directory`. Raises ConfigError."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT") or "443"
    token = TokenFile(directory / "token")
    try:
        tls = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        await token()
        namespace = await asyncio.to_thread((directory / "namespace").read_text)
    except OSError as error:
        raise ConfigError(f"cannot read the pod's service account: {error}") from error
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls, limit=0))
    client = kind(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}", session, token)
    client.adopt(namespace.strip() or None, {}, session.close)
    return client


class TokenFile:
    """A token that its writer renews: read again when it was read a minute ago."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = ""
        self._read_at = float("-inf")

    async def __call__(self) -> str:
        """The token. Keeps the last one when the file cannot be read; OSError when there is none yet."""
        now = time.monotonic()
        if now - self._read_at >= _TOKEN_CACHE_SECONDS:
            try:
                self._token = (await asyncio.to_thread(self._path.read_text)).strip() or self._token
                self._read_at = now
            except OSError:
                if not self._token:
                    raise
        return self._token


def _default_kubeconfig(environ: Mapping[str, str]) -> str:
    return environ.get("KUBECONFIG") or str(Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config")


def _existing(kubeconfig: str) -> list[str]:
    paths = [Path(p).expanduser() for p in kubeconfig.split(os.pathsep) if p]
    return [str(path) for path in paths if path.is_file()]


def _on_this_machine(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _from_kubeconfig(kind: "type[KubeClient]", kubeconfig: str, context: str | None) -> "KubeClient":
    paths = _existing(kubeconfig)
    if not paths:
        raise ConfigError(f"no cluster to talk to: {kubeconfig} does not exist; pass --kubeconfig or set KUBECONFIG")
    # Imported here and module by module: 41 MB that only kubeconfig users pay.
    from kubernetes_asyncio.client import ApiClient, Configuration
    from kubernetes_asyncio.config import ConfigException, load_kube_config
    from yaml import YAMLError

    configuration = Configuration()
    try:
        loader = await load_kube_config(os.pathsep.join(paths), context, configuration)
        namespace = loader.current_context["context"].get("namespace")
        api = ApiClient(configuration=configuration)
    except (ConfigException, YAMLError, AssertionError, OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{kubeconfig}: {error or 'not a usable kubeconfig'}") from error

    # An exec plugin that names no end of its token is asked once; everything else is looked at again every minute.
    renews = not (loader._user and "exec" in loader._user) or hasattr(loader, "exec_plugin_expiry")
    asked_at = time.monotonic()

    async def token() -> str | None:
        nonlocal asked_at
        if renews and time.monotonic() - asked_at >= _TOKEN_CACHE_SECONDS:
            asked_at = time.monotonic()
            await loader.load_and_set(configuration)
        key = configuration.api_key.get("BearerToken")
        return None if key is None else str(key)

    # With its connections, but not its trust in the environment: no proxy leads to a cluster on this machine.
    connections = api.rest_client.pool_manager.connector
    session = aiohttp.ClientSession(
        connector=connections, connector_owner=False, trust_env=not _on_this_machine(configuration.host)
    )

    async def close() -> None:
        await session.close()
        await api.close()

    client = kind(configuration.host, session, token)
    options: TransportOptions = {}
    if configuration.tls_server_name:
        options["server_hostname"] = configuration.tls_server_name
    if configuration.proxy:
        options["proxy"] = configuration.proxy
    client.adopt(namespace, options, close)
    return client
