"""Every live namespace has a ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`. PURE."""

from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import CONFIG_MAPS, SERVICE_ACCOUNTS
from linkerd_sandbox.controllers.actions import Action, Create, Patch, Plan
from linkerd_sandbox.fields import dig, dig_map

ROOT_CA: Final = "kube-root-ca.crt"
_DESCRIPTION: Final = "Contains a CA bundle that can be used to verify the kube-apiserver."


def reconcile(namespace: JsonObject, account: JsonObject | None, root_ca: JsonObject | None, ca_pem: str) -> Plan:
    """`account` and `root_ca` are what the namespace has of the two."""
    if dig(namespace, "metadata", "deletionTimestamp"):
        return Plan()
    name = str(namespace["metadata"]["name"])
    actions: list[Action] = []
    data = {"ca.crt": ca_pem}
    if root_ca is None:
        meta = {"name": ROOT_CA, "namespace": name, "annotations": {"kubernetes.io/description": _DESCRIPTION}}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        actions.append(Create(CONFIG_MAPS, name, body))
    elif dig_map(root_ca, "data") != data:
        actions.append(Patch(CONFIG_MAPS, name, ROOT_CA, {"data": data}))
    if account is None:
        meta = {"name": "default", "namespace": name}
        actions.append(Create(SERVICE_ACCOUNTS, name, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}))
    return Plan(actions)
