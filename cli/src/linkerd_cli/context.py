"""What every command is told: where the control plane is, which cluster, the environment."""

import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from linkerd_cli.errors import CliError

if TYPE_CHECKING:  # aiohttp costs more than `version --client` may take
    from linkerd_kube.client import KubeClient

T = TypeVar("T")


class Context(NamedTuple):
    """Global flags, resolved."""

    namespace: str
    """The control plane's."""
    viz_namespace: str
    kubeconfig: str | None
    kube_context: str | None
    verbose: bool
    environ: Mapping[str, str]
    as_user: str | None = None
    """Whom to impersonate, with `as_groups`."""
    as_groups: tuple[str, ...] = ()
    api_addr: str | None = None
    """host:port where the control plane's (or viz's) API answers, instead of a port-forward to its pod."""

    async def connect(self) -> "KubeClient":
        """A connection, which the caller closes. Raises ConfigError."""
        from linkerd_kube.client import KubeClient

        client = await KubeClient.connect(self.kubeconfig, self.kube_context, self.environ)
        if self.as_user or self.as_groups:
            client.impersonate(self.as_user, self.as_groups)
        return client

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator["KubeClient"]:
        """A connection to the cluster. Raises CliError where none can be found."""
        from linkerd_kube.config import ConfigError

        try:
            client = await self.connect()
        except ConfigError as error:
            raise CliError(str(error)) from error
        try:
            yield client
        finally:
            await client.close()


def run_async(work: Coroutine[object, object, T]) -> T:
    """Run to the end; what Kubernetes refuses becomes one line. Raises CliError."""
    import asyncio

    from linkerd_kube.errors import ApiError, Unreachable

    try:
        return asyncio.run(work)
    except Unreachable as error:
        raise CliError(f"cannot reach the Kubernetes API: {error}") from error
    except ApiError as error:
        raise CliError(str(error)) from error
