"""What the sandbox takes and does not act upon: said to whoever writes it. PURE."""

from typing import Final

from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map

_KINDS: Final = {
    "horizontalpodautoscalers.autoscaling": "the sandbox stores HorizontalPodAutoscalers and scales nothing by them",
    "ingresses.networking.k8s.io": "the sandbox stores Ingresses and serves none of them (up --port does)",
    "limitranges": "the sandbox stores LimitRanges and does not apply them to pods",
    "networkpolicies.networking.k8s.io": "the sandbox stores NetworkPolicies and does not enforce them",
    "resourcequotas": "the sandbox stores ResourceQuotas and does not enforce them",
}
_TEMPLATES: Final = {
    "pods": (),
    "deployments.apps": ("spec", "template"),
    "replicasets.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
}
"""Kind -> where its pods' template is."""
_POD_FIELDS: Final = {
    "hostNetwork": "every pod has a network of its own",
    "hostPID": "every pod has processes of its own",
    "hostIPC": "every pod has an IPC namespace of its own",
    "shareProcessNamespace": "every container has processes of its own",
}


def of_new(kind: ResourceType, body: JsonObject) -> list[str]:
    """The warnings about a new object."""
    found = [_KINDS[kind.qualified]] if kind.qualified in _KINDS else []
    if dig_list(body, "spec", "volumeClaimTemplates"):
        found.append("spec.volumeClaimTemplates: not implemented in the sandbox, which makes no pod of this set")
    path = _TEMPLATES.get(kind.qualified)
    if path is None:
        return found
    spec, here = dig_map(body, *path, "spec"), ".".join((*path, "spec"))
    found += [f"{here}.{field}: ignored by the sandbox: {why}" for field, why in _POD_FIELDS.items() if spec.get(field)]
    for name in ("initContainers", "containers"):
        for index, container in enumerate(dig_list(spec, name)):
            if any(port.get("hostPort") for port in dig_list(container, "ports")):
                found.append(
                    f"{here}.{name}[{index}].ports: a hostPort is ignored by the sandbox (up --port opens one)"
                )
    for index, volume in enumerate(dig_list(spec, "volumes")):
        if dig(volume, "persistentVolumeClaim"):
            found.append(f"{here}.volumes[{index}]: the sandbox has no persistent volumes: the pod will not start")
    return found
