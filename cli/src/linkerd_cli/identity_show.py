"""`linkerd identity POD…`: the certificates that a pod serves with, as `openssl x509 -text` tells them."""

import ssl
from typing import TYPE_CHECKING

from linkerd_cli.certificate_text import certificate_text
from linkerd_cli.context import Context
from linkerd_cli.errors import CliError
from linkerd_cli.pods import ask, pod_name
from linkerd_cli.tree import JsonObject, mapping, objects, text
from linkerd_contract import names
from linkerd_contract.explain import IDENTITY_PATH

if TYPE_CHECKING:
    from cryptography import x509

    from linkerd_kube.client import KubeClient

_SERVING_PORTS = {"identity": names.PORT_IDENTITY, "destination": names.PORT_DESTINATION}
"""Control plane pods carry no proxy: they terminate TLS themselves."""


async def show(context: Context, given: str | None, pods: list[str], selector: str) -> int:
    """Every pod's; 1 where one could not be had."""
    from linkerd_kube.errors import ApiError
    from linkerd_kube.resources import PODS

    code = 0
    async with context.client() as client:
        namespace = given or client.namespace or "default"
        if selector:
            found = (await client.list(PODS, namespace, label_selector=selector)).items
            if not found:
                raise CliError(f"no pod in namespace {namespace} has the labels {selector}")
        else:
            found = [await client.get(PODS.path(namespace, name)) for name in pods]
        for number, pod in enumerate(found, 1):
            print(f"\nPOD {pod_name(pod)} ({number} of {len(found)})\n")
            try:
                for certificate in await _chain(client, namespace, pod):
                    print(certificate_text(certificate), end="")
            except (CliError, ApiError, OSError, ValueError) as error:
                print(f"error: {error}")
                code = 1
    return code


async def _chain(client: "KubeClient", namespace: str, pod: JsonObject) -> "list[x509.Certificate]":
    from cryptography import x509

    component = text(mapping(mapping(pod, "metadata"), "labels"), names.LABEL_CONTROL_PLANE_COMPONENT)
    if component in _SERVING_PORTS and namespace == text(mapping(pod, "metadata"), "namespace"):
        return [x509.load_der_x509_certificate(await _handshake(client, namespace, pod, _SERVING_PORTS[component]))]
    spec = mapping(pod, "spec")
    containers = [*objects(spec, "containers"), *objects(spec, "initContainers")]
    if not any(text(container, "name") == names.PROXY_CONTAINER for container in containers):
        raise CliError("this pod is not meshed")
    page = await ask(client, namespace, pod_name(pod), names.PORT_ADMIN, IDENTITY_PATH)
    try:
        return x509.load_pem_x509_certificates(page)
    except (ValueError, x509.InvalidVersion) as error:
        raise CliError("the proxy's answer is no certificate") from error


async def _handshake(client: "KubeClient", namespace: str, pod: JsonObject, port: int) -> bytes:
    """The server's certificate, DER. It is shown, not trusted: nothing is verified and nothing is sent."""
    import asyncio

    from linkerd_kube.portforward import tunnel

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opened = await tunnel(client, namespace, pod_name(pod), port)
    try:
        async with asyncio.timeout(10):
            _, writer = await asyncio.open_connection(sock=opened.sock, ssl=context, server_hostname="")
    except (OSError, TimeoutError) as error:
        raise CliError(f"no TLS on port {port}: {opened.error or error}") from error
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = connection.getpeercert(binary_form=True)
    writer.close()
    assert certificate is not None
    return certificate
