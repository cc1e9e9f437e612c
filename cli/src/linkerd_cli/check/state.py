"""What checks share: the connection, and what an earlier check has read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from linkerd_cli.check.model import Failed
from linkerd_cli.context import Context
from linkerd_cli.tree import JsonObject
from linkerd_cli.values import Values

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient


@dataclass(slots=True)
class State:
    """Filled by checks as they run. `data_plane` is the namespace of --proxy's checks, None for all."""

    context: Context
    now: Callable[[], datetime]
    release_url: str | None = None
    data_plane: str | None = None
    expected_version: str | None = None
    """What counts as the latest version; None: the release URL says."""
    latest_version: str | None = None
    connection: "KubeClient | None" = None
    version: JsonObject = field(default_factory=dict)
    values: Values = field(default_factory=dict)
    trust_anchors: str = ""

    @property
    def client(self) -> "KubeClient":
        """The connection that the first check made. Raises Failed."""
        if self.connection is None:
            raise Failed("there is no connection to the Kubernetes API")
        return self.connection

    @property
    def namespace(self) -> str:
        """The control plane's."""
        return self.context.namespace
