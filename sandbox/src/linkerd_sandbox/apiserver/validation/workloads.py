"""Checks of the kinds that make pods. PURE."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from linkerd_sandbox import schedule
from linkerd_sandbox.apiserver import selectors
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_map
from linkerd_sandbox.apiserver.status import Cause, StatusError
from linkerd_sandbox.apiserver.validation import meta, names, pods
from linkerd_sandbox.apiserver.validation.causes import go_syntax, invalid, required, unsupported

_IMMUTABLE = "field is immutable"
_JOB_POLICIES = ("OnFailure", "Never")
_CRON_JOB_NAME = 52
"""Characters: its Jobs are called by it and eleven more."""
_STATEFUL_MUTABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip


def _not_negative(spec: JsonObject, *fields: str) -> list[Cause]:
    why = "must be greater than or equal to 0"
    found = [(field, spec.get(field)) for field in fields]
    return [invalid(f"spec.{field}", value, why) for field, value in found if isinstance(value, int) and value < 0]


def _selected(body: JsonObject, old: JsonObject | None, policies: tuple[str, ...] = ("Always",)) -> list[Cause]:
    """Selector and template, which have to fit each other; the selector stays for ever."""
    spec = dig_map(body, "spec")
    chosen, template = spec.get("selector"), dig_map(spec, "template")
    causes: list[Cause] = []
    if chosen is not None:
        causes += meta.selector(chosen, "spec.selector")
        if not chosen.get("matchLabels") and not chosen.get("matchExpressions"):
            causes.append(invalid("spec.selector", chosen, "empty selector is invalid for deployment"))
        elif not causes:
            causes += _fits(chosen, template)
        before = dig(old, "spec", "selector")
        if before is not None and before != chosen:
            causes.append(invalid("spec.selector", chosen, _IMMUTABLE))
    if template:
        causes += pods.template(template, "spec.template")
        policy = dig(template, "spec", "restartPolicy")
        if policy not in policies and policy is not None:
            causes.append(_wrong_policy("spec.template.spec.restartPolicy", policy, policies))
    return causes


def _wrong_policy(path: str, policy: str, policies: tuple[str, ...]) -> Cause:
    if policies == _JOB_POLICIES and policy == "Always":  # the default of pods, so nothing was said
        return required(path, 'valid values: "OnFailure", "Never"')
    return unsupported(path, policy, policies)


def _fits(chosen: JsonObject, template: JsonObject) -> list[Cause]:
    labels = dig_map(template, "metadata", "labels")
    try:
        fits = selectors.matches(selectors.from_object(chosen), labels)
    except StatusError as error:
        return [invalid("spec.selector", chosen, f"invalid label selector: {error.message}")]
    if fits:
        return []
    why = f"Invalid value: {go_syntax(labels)}: `selector` does not match template `labels`"
    return [Cause("spec.template.metadata.labels", "FieldValueInvalid", why)]


def _share(value: object, path: str, *, whole: bool) -> list[Cause]:
    """A number of pods, or a percentage of them; of the whole at most where it is so."""
    if isinstance(value, str):
        number = value.removesuffix("%")
        if number == value or not number.isdigit():
            why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
            return [invalid(path, value, why + "regex used for validation is '[0-9]+%')")]
        if whole and int(number) > 100:
            return [invalid(path, value, "must not be greater than 100%")]
    elif isinstance(value, int) and value < 0:
        return [invalid(path, value, "must be greater than or equal to 0")]
    return []


def deployment(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A Deployment."""
    spec = dig_map(body, "spec")
    causes = _not_negative(spec, "replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    strategy = dig_map(spec, "strategy")
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate") is not None:
        why = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        causes.append(Cause("spec.strategy.rollingUpdate", "FieldValueForbidden", why))
    rolling = dig_map(strategy, "rollingUpdate")
    for key in ("maxUnavailable", "maxSurge"):
        causes += _share(rolling.get(key), f"spec.strategy.rollingUpdate.{key}", whole=key == "maxUnavailable")
    if rolling and {str(rolling.get(key)) for key in ("maxSurge", "maxUnavailable")} <= {"0", "0%"}:
        path, why = "spec.strategy.rollingUpdate.maxUnavailable", "may not be 0 when `maxSurge` is 0"
        causes.append(invalid(path, rolling.get("maxUnavailable"), why))
    return causes + _selected(body, old)


def replica_set(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A ReplicaSet."""
    return _not_negative(dig_map(body, "spec"), "replicas", "minReadySeconds") + _selected(body, old)


def stateful_set(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A StatefulSet."""
    spec = dig_map(body, "spec")
    if old is not None:
        before = dig_map(old, "spec")
        changed = [key for key in {*spec, *before} if key not in _STATEFUL_MUTABLE and spec.get(key) != before.get(key)]
        if changed:
            listed = ", ".join(f"'{key}'" for key in _STATEFUL_MUTABLE[:-1])
            why = "Forbidden: updates to statefulset spec for fields other than "
            why += f"{listed} and 'minReadySeconds' are forbidden"
            return [Cause("spec", "FieldValueForbidden", why)]
    return _not_negative(spec, "replicas", "minReadySeconds", "revisionHistoryLimit") + _selected(body, old)


def daemon_set(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A DaemonSet."""
    return _not_negative(dig_map(body, "spec"), "minReadySeconds", "revisionHistoryLimit") + _selected(body, old)


def job(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A Job."""
    spec = dig_map(body, "spec")
    counted = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
    causes = _not_negative(spec, *counted)
    causes += _selected(body, old, _JOB_POLICIES)
    uid = dig(body, "metadata", "uid")
    chosen = dig_map(spec, "selector", "matchLabels")
    if old is None and chosen and not spec.get("manualSelector") and uid not in chosen.values():
        causes.append(invalid("spec.selector", spec.get("selector"), "`selector` not auto-generated"))
    if old is not None:
        for key in ("completions", "template"):
            before = dig(old, "spec", key)
            if key == "completions" and spec.get("completionMode") == "Indexed":
                continue
            if before is not None and spec.get(key) != before:
                causes.append(invalid(f"spec.{key}", spec.get(key), _IMMUTABLE))
    return causes


def cron_job(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A CronJob."""
    spec = dig_map(body, "spec")
    name = str(dig(body, "metadata", "name") or "")
    causes = _not_negative(spec, "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    if len(name) > _CRON_JOB_NAME and names.subdomain(name) is None:
        causes.append(invalid("metadata.name", name, f"must be no more than {_CRON_JOB_NAME} characters"))
    causes += _schedule(spec.get("schedule") or "") + _time_zone(spec.get("timeZone"))
    template = dig_map(spec, "jobTemplate", "spec", "template")
    causes += pods.template(template, "spec.jobTemplate.spec.template")
    policy = dig(template, "spec", "restartPolicy")
    if policy not in ("Never", "OnFailure"):
        causes.append(_wrong_policy("spec.jobTemplate.spec.template.spec.restartPolicy", policy, _JOB_POLICIES))
    return causes


def _schedule(text: str) -> list[Cause]:
    if not text:
        return []  # required fields are named elsewhere
    why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead" if "TZ" in text else None
    try:
        if why is None:
            schedule.parse(text)
    except ValueError as error:
        why = str(error)
    return [invalid("spec.schedule", text, why)] if why else []


def _time_zone(zone: object) -> list[Cause]:
    if zone is None:
        return []
    if not zone:
        return [invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")]
    try:
        ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [invalid("spec.timeZone", zone, f"unknown time zone {zone}")]
    return []


def disruption_budget(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A PodDisruptionBudget."""
    spec = dig_map(body, "spec")
    causes: list[Cause] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        causes.append(invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    for key in ("minAvailable", "maxUnavailable"):
        causes += _share(spec.get(key), f"spec.{key}", whole=True)
    return causes + meta.selector(dig_map(spec, "selector"), "spec.selector")


def pod_template(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A PodTemplate."""
    return pods.template(dig_map(body, "template"), "template") if body.get("template") else [required("template")]
