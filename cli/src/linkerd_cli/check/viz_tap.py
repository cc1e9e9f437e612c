"""The certificate that viz's tap shows the API server, asked of the pods themselves: its key is in no Secret."""

import base64
import binascii
import ssl
from datetime import UTC, datetime

from linkerd_cli.check.certificates import SOON, when
from linkerd_cli.check.model import Check, Failed
from linkerd_cli.check.state import State
from linkerd_cli.pods import is_ready, pod_name
from linkerd_cli.tree import mapping, objects, text
from linkerd_contract import names
from linkerd_contract.viz import TAP_GROUP, TAP_VERSION

TAP_API = f"{TAP_VERSION}.{TAP_GROUP}"
TAP = f"{names.LABEL_EXTENSION}=viz,component=tap"
PORT = 8089
_SECONDS = 10.0


async def _bundle(state: State) -> str:
    """Whom the API server trusts, in PEM."""
    from linkerd_kube.resources import API_SERVICES

    found = await state.client.find(API_SERVICES.path(name=TAP_API))
    if found is None:
        raise Failed(f"APIService {TAP_API} is not there")
    encoded = text(mapping(found, "spec"), "caBundle")
    if not encoded:
        raise Failed(f"APIService {TAP_API} has no caBundle: tap has not written it yet")
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Failed(f"caBundle of APIService {TAP_API} is not certificates in base64: {error}") from error


async def _ends(state: State) -> dict[str, datetime]:
    """When the certificate of each pod ends; every one is verified as the API server does it. Raises Failed."""
    from linkerd_kube.resources import PODS

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=await _bundle(state))
    except (ssl.SSLError, ValueError) as error:
        raise Failed(f"caBundle of APIService {TAP_API} is not certificates in PEM: {error}") from error
    pods = (await state.client.list(PODS, state.context.viz_namespace, label_selector=TAP)).items
    ready = sorted(pod_name(pod) for pod in pods if is_ready(pod))
    if not ready:
        raise Failed(f"no pod of tap is ready in namespace {state.context.viz_namespace}")
    return {pod: await _end(state, pod, context) for pod in ready}


async def _end(state: State, pod: str, context: ssl.SSLContext) -> datetime:
    import asyncio

    from linkerd_kube.portforward import forward

    namespace = state.context.viz_namespace
    _, writer = await forward(state.client, namespace, pod, PORT)
    try:
        async with asyncio.timeout(_SECONDS):
            await writer.start_tls(context, server_hostname=f"tap.{namespace}.svc")
        certificate = writer.get_extra_info("peercert")
    except ssl.SSLCertVerificationError as error:
        raise Failed(f"{pod}: caBundle does not vouch for its certificate: {error.verify_message}") from error
    except TimeoutError:
        raise Failed(f"{pod}: no TLS within {_SECONDS:g}s on port {PORT}") from None
    except OSError as error:
        raise Failed(f"{pod}: no TLS on port {PORT}: {error or type(error).__name__}") from error
    finally:
        writer.close()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


async def _valid(state: State) -> None:
    await _ends(state)


async def _not_soon(state: State) -> None:
    ends = await _ends(state)
    if soon := [f"  * {pod} will expire on {when(end)}" for pod, end in ends.items() if state.now() + SOON > end]:
        raise Failed("\n".join(["Certificates that expire soon:", *soon]))


async def _running(state: State) -> None:
    """Whether the API server can hand taps on."""
    from linkerd_kube.resources import API_SERVICES

    found = await state.client.find(API_SERVICES.path(name=TAP_API))
    if found is None:
        raise Failed(f"APIService {TAP_API} is not there")
    conditions = objects(mapping(found, "status"), "conditions")
    available = next((c for c in conditions if text(c, "type") == "Available"), {})
    if text(available, "status") != "True":
        raise Failed(f"APIService {TAP_API}: {text(available, 'message') or 'not looked at yet'}")


TAP_CHECKS = (
    Check("tap API server has valid cert", "l5d-tap-cert-valid", _valid, retry=True),
    Check("tap API server cert is valid for at least 60 days", "l5d-tap-cert-not-expiring-soon", _not_soon, True),
    Check("tap API service is running", "l5d-tap-api", _running, retry=True),
)
