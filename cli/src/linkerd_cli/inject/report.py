"""What inject and uninject say on stderr, in Linkerd's words."""

from collections.abc import Iterator

from linkerd_cli.inject.transform import Report

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
    def named(selected: list[Report]) -> str:
        return ", ".join(r.resource for r in selected)

    def line(selected: list[Report], warning: str, fine: str) -> Iterator[str]:
        if selected:
            yield f"{WARN} {warning}"
        elif verbose:
            yield f"{OK} {fine}"

    host = [r for r in reports if r.host_network]
    yield from line(host, f'"hostNetwork: true" detected in {named(host)}', "pods do not use host networking")
    sidecar = [r for r in reports if r.sidecar]
    yield from line(
        sidecar,
        f"known 3rd party sidecar detected in {named(sidecar)}",
        "pods do not have a 3rd party proxy or initContainer already injected",
    )
    disabled = [r for r in reports if r.disabled]
    yield from line(
        disabled,
        f'"linkerd.io/inject: disabled" annotation set on {named(disabled)}',
        "pods are not annotated to disable injection",
    )
    none = not any(r.outcome != "skipped" for r in reports)
    yield from line(
        reports[:1] if none else [],
        "no supported objects found",
        "at least one resource can be injected or annotated",
    )
    udp = [r for r in reports if r.udp]
    verb = "uses" if len(udp) == 1 else "use"
    yield from line(udp, f'{named(udp)} {verb} "protocol: UDP"', "pod specs do not include UDP ports")
    if verbose:
        yield f"{OK} {_AUTOMOUNT_OK}"
    for report in reports:
        for warning in report.warnings:
            yield f"{WARN} {report.resource}: {warning}"
