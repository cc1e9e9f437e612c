"""What is said on stderr."""

from linkerd_cli.inject.report import inject_report, uninject_report
from linkerd_cli.inject.transform import Report
from linkerd_rules.injection import SkipReason


def test_one_line_for_each_object() -> None:
    reports = [Report("deployment", "web", "injected"), Report("service", "web", "skipped"), Report("", "")]
    assert inject_report(reports, verbose=False) == (
        '\ndeployment "web" injected\nservice "web" skipped\ndocument missing "kind" field, skipped\n\n'
    )


def test_warnings_come_first() -> None:
    reports = [
        Report("deployment", "a", reasons=(SkipReason.ANNOTATION_DISABLED,)),
        Report("deployment", "b", "injected", udp=True, warnings=("it is odd",)),
        Report("deployment", "c", "injected", udp=True),
    ]
    assert inject_report(reports, verbose=False) == (
        "\n"
        '‼ "linkerd.io/inject: disabled" annotation set on deployment/a\n'
        '‼ deployment/b, deployment/c use "protocol: UDP"\n'
        "‼ deployment/b: it is odd\n"
        "\n"
        'deployment "a" skipped\ndeployment "b" injected\ndeployment "c" injected\n\n'
    )


def test_nothing_to_do_is_a_warning() -> None:
    assert inject_report([Report("service", "s")], verbose=False) == (
        '\n‼ no supported objects found\n\nservice "s" skipped\n\n'
    )


def test_verbose_says_what_is_fine() -> None:
    said = inject_report([Report("deployment", "web", "injected")], verbose=True)
    assert said.splitlines()[1:7] == [
        "√ pods do not use host networking",
        "√ pods do not have a 3rd party proxy or initContainer already injected",
        "√ pods are not annotated to disable injection",
        "√ at least one resource can be injected or annotated",
        "√ pod specs do not include UDP ports",
        '√ pods do not have automountServiceAccountToken set to "false" or service account token projection is enabled',
    ]


def test_uninject() -> None:
    assert uninject_report([Report("deployment", "web", "uninjected")]) == '\ndeployment "web" uninjected\n\n'
