"""APIServices: group-versions that another server in the cluster answers, with request-header authentication.

The API server authenticates and authorizes a request, then passes it on over TLS as `front-proxy-client`, and says in
X-Remote-User, X-Remote-Group and X-Remote-Extra-* who asks. What the other server needs to trust that is in ConfigMap
kube-system/extension-apiserver-authentication. Source: k8s.io/kube-aggregator. Endpoints are dialed directly, as with
--enable-aggregator-routing. Upgraded connections are not passed on.
"""

import asyncio
import base64
import logging
import ssl
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiohttp
from aiohttp import web
from yarl import URL

from linkerd_sandbox.apiserver import forwarding
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.forwarding import Destination, Forwarder
from linkerd_sandbox.apiserver.identity import MASTERS, User
from linkerd_sandbox.apiserver.objects import JsonObject, copy, decode, dig, dig_list
from linkerd_sandbox.apiserver.requests import RequestInfo
from linkerd_sandbox.apiserver.resources import Resources, stamp
from linkerd_sandbox.apiserver.status import StatusError

log = logging.getLogger(__name__)
KIND: Final = "apiservices.apiregistration.k8s.io"
CLIENT: Final = "front-proxy-client"
_CHECK_SECONDS: Final = 1.0
_PATIENCE: Final = aiohttp.ClientTimeout(total=5)


def config_data(authority_pem: str) -> dict[str, str]:
    """What an aggregated server reads to know who may speak for others."""
    return {
        "requestheader-client-ca-file": authority_pem,
        "requestheader-allowed-names": f'["{CLIENT}"]',
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }


def identity_headers(user: User) -> list[tuple[str, str]]:
    """Who asks, in headers; keys of extras are percent-encoded."""
    headers = [("X-Remote-User", user.name), *(("X-Remote-Group", group) for group in user.groups)]
    if user.uid:
        headers.append(("X-Remote-Uid", user.uid))
    for key, values in user.extra.items():
        headers += [(f"X-Remote-Extra-{quote(key, safe='')}", value) for value in values]
    return headers


class Aggregation:
    """Knows the APIServices that lead elsewhere, and passes requests on to them."""

    def __init__(self, resources: Resources, forwarder: Forwarder, certificate: Path, key: Path) -> None:
        self._resources = resources
        self._forwarder = forwarder
        self._certificate, self._key = certificate, key
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    def remote(self) -> list[JsonObject]:
        """APIServices with a Service behind them."""
        return [item.body for item in self._resources.store.scan(KIND) if dig(item.body, "spec", "service")]

    def find(self, group: str, version: str) -> JsonObject | None:
        """The APIService that answers a group-version, unless this server does."""
        found = self._resources.store.get(KIND, "", f"{version}.{group}")
        return found.body if found is not None and dig(found.body, "spec", "service") else None

    async def handle(self, request: web.BaseRequest, info: RequestInfo, user: User) -> web.StreamResponse | None:
        """The other server's answer; None where the request is this server's. Raises `StatusError`."""
        parts = request.path.strip("/").split("/")
        if len(parts) < 3 or parts[0] != "apis":
            return None
        service = self.find(parts[1], parts[2])
        if service is None:
            return None
        address = self._address(service)
        url = URL(f"https://{address}{request.raw_path}", encoded=True)
        headers = [*identity_headers(user), ("X-Forwarded-For", request.remote or "127.0.0.1")]
        context, name = self._tls(service)
        return await self._forwarder.forward(request, Destination(url, headers, context, name))

    def _address(self, service: JsonObject) -> str:
        where = service["spec"]["service"]
        port = str(where.get("port") or 443)
        address, number = forwarding.endpoint(self._resources.store, where["namespace"], where["name"], port)
        return f"{forwarding.host(address)}:{number}"

    def _tls(self, service: JsonObject) -> tuple[ssl.SSLContext, str]:
        spec = service["spec"]
        key = (str(spec.get("caBundle") or ""), bool(spec.get("insecureSkipTLSVerify")))
        context = self._contexts.get(key)
        if context is None:
            if key[0]:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_verify_locations(cadata=base64.b64decode(key[0]).decode())
            else:
                context = ssl.create_default_context()
            if key[1]:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            context.load_cert_chain(self._certificate, self._key)
            self._contexts[key] = context
        return context, f"{spec['service']['name']}.{spec['service']['namespace']}.svc"

    # -- discovery --------------------------------------------------------------------------------------------------

    async def _resource_list(self, service: JsonObject) -> JsonObject:
        """The other server's APIResourceList. Raises `StatusError`, `aiohttp.ClientError`, TimeoutError, ValueError."""
        spec = service["spec"]
        url = f"https://{self._address(service)}/apis/{spec['group']}/{spec['version']}"
        context, name = self._tls(service)
        headers = [*identity_headers(User("system:kube-aggregator", (MASTERS,))), ("Accept", "application/json")]
        async with self._forwarder.session.get(
            url, headers=headers, ssl=context, server_hostname=name, timeout=_PATIENCE
        ) as answer:
            raw = await answer.read()
            if answer.status != 200:
                raise ValueError(f"failing or missing response from {url}: bad status from {url}: {answer.status}")
            found = decode(raw)
            return found if isinstance(found, dict) else {}

    async def groups(self) -> list[JsonObject]:
        """Entries of an APIGroupDiscoveryList for the other servers' groups; those that do not answer are Stale."""
        services = self.remote()
        lists = await asyncio.gather(*(self._resource_list(one) for one in services), return_exceptions=True)
        found: dict[str, JsonObject] = {}
        for service, listed in zip(services, lists, strict=True):
            spec = service["spec"]
            version: JsonObject = {"version": spec["version"], "freshness": "Current"}
            if isinstance(listed, BaseException):
                version["freshness"] = "Stale"
            else:
                version["resources"] = [_discovered(one, spec) for one in dig_list(listed, "resources")]
            meta = {"name": spec["group"], "creationTimestamp": None}
            found.setdefault(spec["group"], {"metadata": meta, "versions": []})["versions"].append(version)
        return list(found.values())

    def group_documents(self) -> list[JsonObject]:
        """Entries of an APIGroupList."""
        found: dict[str, list[JsonObject]] = {}
        for service in self.remote():
            group, version = service["spec"]["group"], service["spec"]["version"]
            found.setdefault(group, []).append({"groupVersion": f"{group}/{version}", "version": version})
        return [{"name": group, "versions": all_, "preferredVersion": all_[0]} for group, all_ in found.items()]

    # -- whether they answer ----------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Forever: keeps the Available condition of each APIService."""
        while True:
            for service in [item.body for item in self._resources.store.scan(KIND)]:
                try:
                    await self._check(service)
                except StatusError as error:
                    log.info("APIService %s: %s", service["metadata"]["name"], error)
            await asyncio.sleep(_CHECK_SECONDS)

    async def _check(self, service: JsonObject) -> None:
        state, reason, message = "True", "Local", "Local APIServices are always available"
        if dig(service, "spec", "service"):
            try:
                await self._resource_list(service)
                reason, message = "Passed", "all checks passed"
            except StatusError as error:
                state, message = "False", str(error)
                reason = "ServiceNotFound" if error.code == 404 else "MissingEndpoints"
            except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
                state, reason, message = "False", "FailedDiscoveryCheck", str(error) or type(error).__name__
        before: JsonObject = next(iter(dig_list(service, "status", "conditions")), {})
        if (before.get("status"), before.get("reason"), before.get("message")) == (state, reason, message):
            return
        since = before["lastTransitionTime"] if before.get("status") == state else stamp(time.time())
        condition = {
            "type": "Available",
            "status": state,
            "reason": reason,
            "message": message,
            "lastTransitionTime": since,
        }

        def change(old: JsonObject) -> JsonObject:
            changed = copy(old)
            changed["status"] = {"conditions": [condition]}
            return changed

        kind = self._resources.registry.find("apiregistration.k8s.io", "v1", "apiservices")
        assert kind is not None
        call = Call(User("system:kube-aggregator", (MASTERS,)), agent="kube-aggregator")
        await self._resources.change(call, kind, "", service["metadata"]["name"], change, "status")


def _discovered(entry: JsonObject, spec: JsonObject) -> JsonObject:
    return {
        "resource": entry.get("name", ""),
        "responseKind": {"group": spec["group"], "version": spec["version"], "kind": entry.get("kind", "")},
        "scope": "Namespaced" if entry.get("namespaced") else "Cluster",
        "singularResource": entry.get("singularName") or str(entry.get("kind", "")).lower(),
        "verbs": entry.get("verbs") or [],
    }
