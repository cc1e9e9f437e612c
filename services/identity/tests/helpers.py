"""An identity service beside a fake Kubernetes API, and what it is asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from linkerd_identity.app import IdentityService
from linkerd_identity.settings import Settings
from linkerd_kube import KubeClient
from linkerd_runtime.process import Stop
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually

SECRETS = "/api/v1/namespaces/linkerd/secrets"
ISSUER = f"{SECRETS}/linkerd-identity-issuer"
ANCHOR = f"{SECRETS}/linkerd-identity-trust-anchor"
BUNDLE = "/api/v1/namespaces/linkerd/configmaps/linkerd-identity-trust-roots"
WEB = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"


def settings(directory: Path, **env: str) -> Settings:
    """Settings of a replica on free ports, named for its directory."""
    return Settings.from_env(
        {
            "LINKERD_LISTEN_ADDR": "127.0.0.1:0",
            "LINKERD_ADMIN_ADDR": "127.0.0.1:0",
            "LINKERD_IDENTITY_DIR": str(directory),
            "POD_NAME": directory.name,
            **env,
        }
    )


@asynccontextmanager
async def running(kube: FakeKube, config: Settings) -> AsyncIterator[IdentityService]:
    """One replica, until the end of the block."""
    async with aiohttp.ClientSession() as session:
        service = IdentityService(config, KubeClient(kube.url, session))
        stop = Stop()
        work = asyncio.ensure_future(service.run(stop))
        try:
            await eventually(lambda: service.admin_port or work.done(), what="the admin server")
            yield service
            assert not stop.failed
        finally:
            stop.request()
            await work
            await stop.close()
