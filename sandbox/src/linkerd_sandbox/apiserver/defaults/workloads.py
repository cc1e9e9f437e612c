"""Defaults of the kinds that make pods. PURE."""

from linkerd_sandbox.apiserver.defaults import pods
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_map

_QUARTER = "25%"


def deployment(body: JsonObject) -> None:
    """A Deployment."""
    spec = body.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("progressDeadlineSeconds", 600)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", _QUARTER)
        rolling.setdefault("maxUnavailable", _QUARTER)
    pods.template(spec)


def replica_set(body: JsonObject) -> None:
    """A ReplicaSet."""
    spec = body.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    pods.template(spec)


def stateful_set(body: JsonObject) -> None:
    """A StatefulSet."""
    spec = body.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"})
    pods.template(spec)


def daemon_set(body: JsonObject) -> None:
    """A DaemonSet."""
    spec = body.setdefault("spec", {})
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    pods.template(spec)


def job(body: JsonObject) -> None:
    """A Job."""
    _job_spec(body.setdefault("spec", {}))


def _job_spec(spec: JsonObject) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed")
    pods.template(spec)


def job_selector(body: JsonObject) -> None:
    """Labels and selector that tie a Job to its pods, by its uid."""
    spec, meta = body["spec"], body["metadata"]
    if spec.get("manualSelector") or spec.get("selector"):  # the latter is refused by validation
        return
    labels = spec.setdefault("template", {}).setdefault("metadata", {}).setdefault("labels", {})
    for prefix in ("", "batch.kubernetes.io/"):
        labels[f"{prefix}controller-uid"] = meta["uid"]
        labels[f"{prefix}job-name"] = meta["name"]
    if not meta.get("labels"):
        meta["labels"] = dict(labels)
    spec.setdefault("manualSelector", False)
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": meta["uid"]}}


def cron_job(body: JsonObject) -> None:
    """A CronJob."""
    spec = body.setdefault("spec", {})
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    template = dig(spec, "jobTemplate")
    if isinstance(template, dict):
        template.setdefault("metadata", {})
        pods.template(dig_map(template, "spec"))


def pod_template(body: JsonObject) -> None:
    """A PodTemplate."""
    pods.template(body)
