"""Flags and files that stand for values."""

from pathlib import Path

import pytest

from linkerd_cli.errors import CliError
from linkerd_cli.install.flags import VALUE_FLAGS, add_value_flags, assignments_of, take_ha
from linkerd_cli.install.render import Request, render
from linkerd_cli.install.rendered import CONTROL_PLANE, documents
from linkerd_cli.usage import Parser


def _assignments(*flags: str) -> list[str]:
    parser = Parser("linkerd install", "")
    add_value_flags(parser)
    return assignments_of(parser.parse_args(flags))


def test_files_then_flags_then_set(tmp_path: Path) -> None:
    file = tmp_path / "values.yml"
    file.write_text(
        'controllerReplicas: 2\nproxy: {await: false, ports: {admin: 5}}\nclusterNetworks: "10.0.0.0/8,::/0"\n'
    )
    found = _assignments("--set", "a=b", "--controller-replicas", "3", "--values", str(file))
    assert found == [
        "controllerReplicas=2",
        "proxy.await=false",
        "proxy.ports.admin=5",
        "clusterNetworks=10.0.0.0/8\\,::/0",
        "controllerReplicas=3",
        "a=b",
    ]


def test_every_flag_stands_for_a_value_that_there_is() -> None:
    words = {"cluster-domain": "a.b", "identity-trust-domain": "a.b", "controller-log-level": "debug"}
    for flag, key in VALUE_FLAGS.items():
        value = words.get(flag[2:]) or {
            "identity.issuer.issuanceLifetime": "1h",
            "identity.issuer.clockSkewAllowance": "5s",
            "imagePullPolicy": "Always",
            "proxy.defaultInboundPolicy": "deny",
            "proxy.image.name": "proxy",
        }.get(key, "7")
        render(documents(CONTROL_PLANE), Request(_assignments(flag, value)))


@pytest.mark.parametrize(
    ("flag", "assignment"),
    [
        ("--enable-external-profiles", "proxy.enableExternalProfiles=true"),
        ("--identity-external-issuer", "identity.issuer.scheme=kubernetes.io/tls"),
        ("--identity-external-ca", "identity.externalCA=true"),
        ("--disable-heartbeat", None),
    ],
)
def test_flags_without_a_value(flag: str, assignment: str | None) -> None:
    found = _assignments(flag)
    assert found == ([assignment] if assignment else [])
    render(documents(CONTROL_PLANE), Request(found))


def test_flags_that_are_not_there_yet_say_so() -> None:
    with pytest.raises(CliError, match="--disable-h2-upgrade: not implemented"):
        _assignments("--disable-h2-upgrade")
    with pytest.raises(CliError, match="cniEnabled=true: not implemented"):
        render(documents(CONTROL_PLANE), Request(_assignments("--linkerd-cni-enabled")))


@pytest.mark.parametrize("text", ["- 1\n", "a: [\n"])
def test_files_that_are_no_values(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.yml").write_text(text)
    with pytest.raises(CliError, match=r"v\.yml"):
        _assignments("--values", str(tmp_path / "v.yml"))


@pytest.mark.parametrize(
    ("assignments", "flag", "taken"),
    [
        (["a=1"], False, (["a=1"], False)),
        (["highAvailability=true", "a=1"], False, (["a=1"], True)),
        (["highAvailability=true"], True, ([], True)),
        (["highAvailability=false"], False, ([], False)),
    ],
)
def test_high_availability_is_a_value_too(assignments: list[str], flag: bool, taken: tuple[list[str], bool]) -> None:
    assert take_ha(assignments, flag) == taken


def test_contradictions() -> None:
    with pytest.raises(CliError, match="contradicts --ha"):
        take_ha(["highAvailability=false"], True)
    with pytest.raises(CliError, match="not a boolean"):
        take_ha(["highAvailability=frog"], False)
