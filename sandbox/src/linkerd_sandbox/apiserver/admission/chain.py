"""The order of admission: built-in plugins, then mutating webhooks; validating webhooks last.

After webhooks have changed an object the plugins run once more, and then the webhooks with reinvocationPolicy
IfNeeded whose own change was not the last
(k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/reinvocationcontext.go).
"""

import asyncio
import random
import time

from linkerd_sandbox.apiserver import patch, status
from linkerd_sandbox.apiserver.admission import match, plugins
from linkerd_sandbox.apiserver.admission.match import Hook
from linkerd_sandbox.apiserver.admission.webhooks import Caller
from linkerd_sandbox.apiserver.call import Attributes
from linkerd_sandbox.apiserver.decoding import Decoder
from linkerd_sandbox.apiserver.kinds import Registry, ResourceType
from linkerd_sandbox.apiserver.lifecycle import SUFFIX_ALPHABET
from linkerd_sandbox.apiserver.objects import JsonObject, copy
from linkerd_sandbox.apiserver.status import StatusError
from linkerd_sandbox.apiserver.store import Store, Stored

_MUTATING = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
_VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"
_ACCOUNT_WAIT_SECONDS = 2.0
_ACCOUNT_POLL_SECONDS = 0.02


class AdmissionChain:
    """Runs every plugin and webhook that a write concerns."""

    def __init__(self, store: Store, registry: Registry, decoder: Decoder) -> None:
        self._store = store
        self._registry = registry
        self._decoder = decoder
        self._caller = Caller(store)

    async def close(self) -> None:
        """Close connections to webhooks."""
        await self._caller.close()

    async def mutate(self, attributes: Attributes, body: JsonObject, old: JsonObject | None) -> JsonObject:
        """The object as it shall be. Raises `StatusError`."""
        await self._plugins(attributes, body)
        chosen = match.hooks(self._store, _MUTATING, self._versions(attributes), attributes, body, old)
        if not chosen:
            return body
        changed_last: Hook | None = None
        before = body
        for hook in chosen:
            changed = await self._apply(hook, attributes, body, old)
            if changed != body:
                body, changed_last = changed, hook
        if changed_last is None:
            return before
        await self._plugins(attributes, body)
        for hook in chosen:
            if hook.webhook.get("reinvocationPolicy") == "IfNeeded" and hook is not changed_last:
                body = await self._apply(hook, attributes, body, old)
        return body

    async def before_deletion(self, attributes: Attributes, old: JsonObject) -> None:
        """Ask the mutating webhooks that want to know of deletions: they may refuse. Raises `StatusError`."""
        for hook in match.hooks(self._store, _MUTATING, self._versions(attributes), attributes, None, old):
            answer = await self._caller.ask(hook, attributes, None, old)
            if answer is not None and answer.patch:
                text = f'admission webhook "{hook.webhook["name"]}" attempted to modify the object, '
                raise status.internal(text + "which is not supported for this operation")

    def _versions(self, attributes: Attributes) -> list[ResourceType]:
        return self._registry.versions(attributes.kind.qualified)

    async def _apply(self, hook: Hook, attributes: Attributes, body: JsonObject, old: JsonObject | None) -> JsonObject:
        answer = await self._caller.ask(hook, attributes, body, old)
        if answer is None or not answer.patch:
            return body
        try:
            patched = patch.apply_json_patch({**body, "apiVersion": hook.kind.api_version}, answer.patch)
            whole = {**patched, "apiVersion": attributes.kind.api_version} if isinstance(patched, dict) else patched
            return self._decoder.decode(attributes.call, attributes.kind, whole)
        except StatusError as error:
            text = f'failed calling webhook "{hook.webhook["name"]}": its patch cannot be used: {error.message}'
            raise status.internal(text) from error

    async def validate(self, attributes: Attributes, body: JsonObject | None, old: JsonObject | None) -> None:
        """Raises `StatusError` to refuse."""
        chosen = match.hooks(self._store, _VALIDATING, self._versions(attributes), attributes, body, old)
        if not chosen:
            return
        asked = [self._caller.ask(hook, attributes, body, old) for hook in chosen]
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer

    async def _plugins(self, attributes: Attributes, body: JsonObject) -> None:
        if attributes.kind.qualified != "pods" or attributes.operation != "CREATE" or plugins.is_mirror(body):
            return
        account = await self._account(attributes.namespace, plugins.account_name(body), plugins.shown_name(body))
        suffix = "".join(random.choices(SUFFIX_ALPHABET, k=5))
        plugins.service_account(body, copy(account.body), suffix)
        plugins.priority(body, self._store)
        plugins.tolerations(body)

    async def _account(self, namespace: str, name: str, pod: str) -> Stored:
        """The pod's ServiceAccount; `default` may still be on its way when the namespace is new."""
        end = time.monotonic() + (_ACCOUNT_WAIT_SECONDS if name == "default" else 0)
        while True:
            found = self._store.get("serviceaccounts", namespace, name)
            if found is not None:
                return found
            if time.monotonic() >= end:
                why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
                raise status.forbidden("pods", pod, why)
            await asyncio.sleep(_ACCOUNT_POLL_SECONDS)
