"""What inject and uninject say on stderr, in Linkerd's words."""

from collections.abc import Iterator

from linkerd_cli.inject.transform import Report
from linkerd_rules.injection import SkipReason

OK, WARN = "√", "‼"
_AUTOMOUNT_OK = (
    'pods do not have automountServiceAccountToken set to "false" or service account token projection is enabled'
)


def inject_report(reports: list[Report], verbose: bool) -> str:
    """A blank line, warnings (and √ lines with --verbose), a blank line, one line per object, a blank line."""
    findings = list(_findings(reports, verbose))
    return "\n".join(["", *findings, *([""] if findings else []), *(_summary(r) for r in reports), "", ""])


def uninject_report(reports: list[Report]) -> str:
    """A blank line, one line per object, a blank line."""
    return "\n".join(["", *(_summary(r) for r in reports), "", ""])


def _summary(report: Report) -> str:
    if not report.kind:
        return 'document missing "kind" field, skipped'
    return f'{report.kind} "{report.name}" {report.outcome}'


def _findings(reports: list[Report], verbose: bool) -> Iterator[str]:
    def line(selected: list[Report], warning: str, fine: str) -> Iterator[str]:
        if selected:
            resources = ", ".join(report.resource for report in selected)
            yield f"{WARN} {warning.format(resources=resources)}"
        elif verbose:
            yield f"{OK} {fine}"

    def with_reason(reason: SkipReason) -> list[Report]:
        return [report for report in reports if reason in report.reasons]

    yield from line(
        with_reason(SkipReason.HOST_NETWORK),
        '"hostNetwork: true" detected in {resources}',
        "pods do not use host networking",
    )
    yield from line(
        with_reason(SkipReason.SIDECAR_EXISTS),
        "known 3rd party sidecar detected in {resources}",
        "pods do not have a 3rd party proxy or initContainer already injected",
    )
    yield from line(
        with_reason(SkipReason.ANNOTATION_DISABLED),
        '"linkerd.io/inject: disabled" annotation set on {resources}',
        "pods are not annotated to disable injection",
    )
    changed = any(report.outcome != "skipped" for report in reports)
    yield from line(
        [] if changed else reports[:1],
        "no supported objects found",
        "at least one resource can be injected or annotated",
    )
    udp = [report for report in reports if report.udp]
    verb = "uses" if len(udp) == 1 else "use"
    yield from line(udp, f'{{resources}} {verb} "protocol: UDP"', "pod specs do not include UDP ports")
    if verbose:
        yield f"{OK} {_AUTOMOUNT_OK}"
    for report in reports:
        for warning in report.warnings:
            yield f"{WARN} {report.resource}: {warning}"
