"""The certificates that the mesh lives on: anchors and issuer, of which identity tells, and those of the proxies."""

import logging
from datetime import UTC, datetime

import aiohttp

from linkerd_contract import codec, names
from linkerd_contract.trust import TRUST_PATH, TrustStatus
from linkerd_contract.viz import CertificateRow, CertificatesResponse
from linkerd_viz.families import CERT_EXPIRY, Want
from linkerd_viz.inventory import Inventory, Pod, meshed_pods
from linkerd_viz.measurements import Measurements, Window

log = logging.getLogger(__name__)

_WINDOW_SECONDS = 60.0
_TIMEOUT_SECONDS = 3.0


async def certificates(
    measurements: Measurements, inventory: Inventory, session: aiohttp.ClientSession
) -> CertificatesResponse:
    """Anchors, issuer, then proxies, those that end first first. Where identity does not answer, proxies alone."""
    status = await trust_status(inventory, session)
    rows = []
    if status is not None:
        rows += [CertificateRow("anchor", anchor.not_after, anchor.common_name) for anchor in status.anchors]
        if status.issuer is not None:
            rows.append(CertificateRow("issuer", status.issuer.not_after, status.issuer.common_name))
    pods = {pod.metadata.key: pod for pod in meshed_pods(inventory)}
    window = Window(measurements.now(), _WINDOW_SECONDS)
    (readings,) = await measurements.read(set(pods), [Want(CERT_EXPIRY)], [window])
    ends = sorted((end, key) for key, found in readings.items() for _, end in found if end > 0)
    rows += [CertificateRow("/".join(key), _rfc3339(end), _subject(pods[key])) for end, key in ends]
    return CertificatesResponse(rows)


async def trust_status(inventory: Inventory, session: aiohttp.ClientSession) -> TrustStatus | None:
    """What a replica of identity says of the mesh's trust; None where none answers."""
    for pod in inventory.pods:
        labels, ip = pod.metadata.labels, pod.status.pod_ip
        if labels.get(names.LABEL_CONTROL_PLANE_COMPONENT) != "identity" or not pod.active or not ip:
            continue
        host = f"[{ip}]" if ":" in ip else ip
        url = f"http://{host}:{_admin_port(pod)}{TRUST_PATH}"
        try:
            async with session.get(url, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)) as response:
                response.raise_for_status()
                return codec.decode(await response.read(), TrustStatus)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.warning("%s does not tell of the mesh's trust: %s", url, str(error) or type(error).__name__)
    return None


def _admin_port(pod: Pod) -> int:
    ports = (port for container in pod.spec.containers for port in container.ports)
    return next((port.container_port for port in ports if port.name == "admin"), names.PORT_SERVICE_ADMIN)


def _subject(pod: Pod) -> str:
    """ "SA.NS", as Linkerd shows identities."""
    return f"{pod.spec.service_account_name}.{pod.metadata.namespace}"


def _rfc3339(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(microsecond=0).isoformat() + "Z"
