"""`services/NAME/proxy/…` and `pods/NAME/proxy/…`: the name may be `[https:]NAME[:PORT]`.

Source: k8s.io/kubernetes/pkg/registry/core/{service,pod}/rest. Certificates are not verified, as there.
"""

import ssl

from aiohttp import web
from yarl import URL

from linkerd_sandbox.apiserver import forwarding, status
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.endpoints import Subresource
from linkerd_sandbox.apiserver.forwarding import Destination, Forwarder
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import dig, dig_list
from linkerd_sandbox.apiserver.requests import RequestInfo
from linkerd_sandbox.apiserver.resources import Resources


def split(name: str) -> tuple[str, str, str]:
    """(scheme, name, port) of `[https:]NAME[:PORT]`. Raises `StatusError` 400."""
    parts = name.split(":")
    match parts:
        case [only]:
            return "http", only, ""
        case [name, port]:
            return "http", name, port
        case ["" | "http" | "https" as scheme, name, port]:
            return scheme or "http", name, port
        case _:
            raise status.bad_request(f'invalid service request "{name}"')


class Proxying:
    """Answers requests for the proxy subresource."""

    def __init__(self, resources: Resources, forwarder: Forwarder) -> None:
        self._resources = resources
        self._forwarder = forwarder

    def handlers(self) -> dict[tuple[str, str], Subresource]:
        """By plural and subresource."""
        return {("services", "proxy"): self.service, ("pods", "proxy"): self.pod}

    async def service(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        """Through one ready endpoint of a Service."""
        scheme, name, port = split(info.name)
        address, number = forwarding.endpoint(self._resources.store, info.namespace, name, port)
        return await self._send(request, info, scheme, address, number)

    async def pod(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        """To a port of a pod; without one, the first that its containers name, else 80."""
        scheme, name, port = split(info.name)
        pod = self._resources.get(kind, info.namespace, name).body
        address = dig(pod, "status", "podIP")
        if not address:
            raise status.bad_request(f"address not allowed: pod {name} has no address")
        named = [one for c in dig_list(pod, "spec", "containers") for one in dig_list(c, "ports")]
        if port and not port.isdigit():
            found = next((one for one in named if one.get("name") == port), None)
            if found is None:
                raise status.bad_request(f'pod {name} has no port "{port}"')
            number = int(found["containerPort"])
        else:
            number = int(port or (named[0]["containerPort"] if named else 80))
        return await self._send(request, info, scheme, str(address), number)

    async def _send(
        self, request: web.BaseRequest, info: RequestInfo, scheme: str, address: str, port: int
    ) -> web.StreamResponse:
        # the path as the client encoded it, from after `/proxy`
        _, _, rest = request.raw_path.partition("/proxy")
        url = URL(f"{scheme}://{forwarding.host(address)}:{port}{rest or '/'}", encoded=True)
        context = None
        if scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        forwarded = [("X-Forwarded-Uri", request.path), ("X-Forwarded-Host", request.host)]
        return await self._forwarder.forward(request, Destination(url, forwarded, context))
