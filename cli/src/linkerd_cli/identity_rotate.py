"""`linkerd identity rotate`: asks identity for a rotation by an annotation, and tells how it goes.

Who may patch ConfigMap linkerd-identity-trust-roots may rotate: no right to read a Secret is needed.
"""

import asyncio
import enum
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from linkerd_cli.context import Context
from linkerd_cli.errors import CliError
from linkerd_cli.pods import ask, ready_pod
from linkerd_contract import codec, names
from linkerd_contract.trust import (
    ANNOTATION_ROTATE_ANCHOR,
    ANNOTATION_ROTATE_ISSUER,
    TRUST_PATH,
    Mode,
    Phase,
    TrustStatus,
)

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

_POLL_SECONDS = 0.5
_ANSWER_SECONDS = 30.0
"""A replica looks at least once a minute, but is woken by the annotation at once."""


class Rotation(enum.Enum):
    """What is rotated; the value is the annotation that asks for it."""

    issuer = ANNOTATION_ROTATE_ISSUER
    anchor = ANNOTATION_ROTATE_ANCHOR


async def rotate(context: Context, what: Rotation, *, watch: bool) -> int:
    """Raises CliError where trust is given, or where identity does not take it up."""
    from linkerd_kube.resources import CONFIG_MAPS

    async with context.client() as client:
        before = await read_status(client, context.namespace)
        if before.mode is not Mode.self_running:
            raise CliError(
                f"the issuer of this mesh is given by a Secret {names.ISSUER_SECRET} that identity did not make: "
                "rotate it where it comes from (cert-manager, or who made it)"
            )
        request = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = {"metadata": {"annotations": {what.value: request}}}
        await client.patch(CONFIG_MAPS.path(context.namespace, names.TRUST_ROOTS_CONFIG_MAP), body)
        print(f"rotation of the {what.name} asked for ({request})")
        if before.phase is not Phase.steady and what is Rotation.anchor:
            print("a rotation of the anchor is under way; this one begins when it is done")
        if not watch:
            return 0
        await _watch(client, context.namespace, what, request)
        return 0


async def read_status(client: "KubeClient", namespace: str) -> TrustStatus:
    """As one ready replica of identity sees it. Raises CliError, ApiError."""
    selector = f"{names.LABEL_CONTROL_PLANE_COMPONENT}=identity"
    pod = await ready_pod(client, namespace, selector, "identity", "is the control plane installed?")
    page = await ask(client, namespace, pod, names.PORT_SERVICE_ADMIN, TRUST_PATH)
    try:
        return codec.decode(page, TrustStatus)
    except ValueError as error:
        raise CliError(f"{namespace}/{pod}: its page about trust cannot be read: {error}") from error


async def _watch(client: "KubeClient", namespace: str, what: Rotation, request: str) -> None:
    said = ""
    taken_up_by = time.monotonic() + _ANSWER_SECONDS
    while True:
        status = await read_status(client, namespace)
        answered = request in (status.answered_issuer, status.answered_anchor)
        sentence = _sentence(status, what, answered)
        if sentence and sentence != said:
            print(sentence, flush=True)
            said = sentence
        if answered and (what is Rotation.issuer or status.phase is Phase.steady):
            return
        if not answered and status.phase is Phase.steady and time.monotonic() > taken_up_by:
            raise CliError(
                f"identity has not taken it up within {_ANSWER_SECONDS:g} s: see the log of linkerd-identity"
            )
        await asyncio.sleep(_POLL_SECONDS)


def _sentence(status: TrustStatus, what: Rotation, answered: bool) -> str:
    issuer = status.issuer
    if what is Rotation.issuer:
        until = issuer.not_after if issuer is not None else "?"
        return f"√ another issuer signs, valid until {until}" if answered else ""
    if status.phase is Phase.published:
        return "1/3 both anchors are published; the new one signs when every workload has learned of it"
    if status.phase is Phase.switched:
        return "2/3 the new anchor's issuer signs; the old anchor is dropped when its last leaf has ended"
    if answered and status.anchors:
        return f"√ 3/3 the old anchor is dropped; the new one is valid until {status.anchors[-1].not_after}"
    return ""
