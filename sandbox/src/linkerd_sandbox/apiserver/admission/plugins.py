"""Built-in admission of pods: ServiceAccount, Priority, DefaultTolerationSeconds. PURE.

As k8s.io/kubernetes/plugin/pkg/admission. Each function changes the pod that it is given and may be run again, after
webhooks.
"""

from linkerd_sandbox.apiserver import status
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.store import Store

TOKEN_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"
_VOLUME_PREFIX = "kube-api-access-"
_TOKEN_SECONDS = 3607  # an hour and a bit, by which Kubernetes tells its own volumes from those of users
_UNREACHABLE_SECONDS = 300
_MODE = 0o644


def shown_name(pod: JsonObject) -> str:
    """What refusals call a pod: its name is made of generateName only later."""
    meta = dig_map(pod, "metadata")
    return str(meta.get("name") or meta.get("generateName") or "Unknown")


def service_account(pod: JsonObject, account: JsonObject, suffix: str) -> None:
    """Mount the account's token into every container that has no mount of its own, and add its image pull secrets."""
    spec = pod["spec"]
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(secret) for secret in account["imagePullSecrets"]]
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    if wanted is False:
        return
    volumes = dig_list(spec, "volumes")
    existing = next((v["name"] for v in volumes if str(v.get("name")).startswith(_VOLUME_PREFIX)), None)
    name = existing or _VOLUME_PREFIX + suffix
    mounted = False
    for container in [*dig_list(spec, "initContainers"), *dig_list(spec, "containers")]:
        mounts = dig_list(container, "volumeMounts")
        if not any(mount.get("mountPath") == TOKEN_DIRECTORY for mount in mounts):
            mount = {"name": name, "readOnly": True, "mountPath": TOKEN_DIRECTORY}
            container["volumeMounts"] = [*mounts, mount]
            mounted = True
    if mounted and existing is None:
        spec["volumes"] = [*volumes, _token_volume(name)]


def _token_volume(name: str) -> JsonObject:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": _MODE}}


def tolerations(pod: JsonObject) -> None:
    """Five minutes on a node that is not ready or cannot be reached."""
    spec = pod["spec"]
    found = dig_list(spec, "tolerations")
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        covered = any(
            item.get("key") in (key, None, "") and item.get("effect") in ("NoExecute", None, "") for item in found
        )
        if not covered:
            added = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _UNREACHABLE_SECONDS}
            found = [*found, added]
    spec["tolerations"] = found


def priority(pod: JsonObject, store: Store) -> None:
    """The number that the pod's priority class stands for. Raises `StatusError` 403 where there is no such class."""
    spec = pod["spec"]
    name = spec.get("priorityClassName")
    policy = "PreemptLowerPriority"
    if not name:
        classes = [item.body for item in store.scan("priorityclasses.scheduling.k8s.io")]
        default = next((item for item in classes if item.get("globalDefault")), None)
        value = default["value"] if default else 0
        if default:
            spec["priorityClassName"] = default["metadata"]["name"]
            policy = default.get("preemptionPolicy", policy)
    else:
        found = store.get("priorityclasses.scheduling.k8s.io", "", name)
        if found is None:
            why = f"no PriorityClass with name {name} was found"
            raise status.forbidden("pods", shown_name(pod), why)
        value, policy = found.body.get("value", 0), found.body.get("preemptionPolicy", policy)
    for key, what, found_value in (
        ("priority", "the integer value of priority", value),
        ("preemptionPolicy", "the string value of PreemptionPolicy", policy),
    ):
        given = spec.setdefault(key, found_value)
        if given != found_value:
            why = f"{what} ({given}) must not be provided in pod spec; priority admission controller computed "
            raise status.forbidden("pods", shown_name(pod), f"{why}{found_value} from the given PriorityClass name")


def account_name(pod: JsonObject) -> str:
    """The ServiceAccount of a pod, written into it where it was left open."""
    spec = pod["spec"]
    name = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    return str(name)


def is_mirror(pod: JsonObject) -> bool:
    """Whether the pod shows a static pod of a node, which has no account."""
    return dig(pod, "metadata", "annotations", "kubernetes.io/config.mirror") is not None
