"""Certificates by flags."""

from argparse import Namespace
from pathlib import Path

import pytest
from cli.tests.check.mesh import Issued

from linkerd_cli.errors import CliError
from linkerd_cli.install.flags import add_value_flags
from linkerd_cli.install.trust import add_trust_flags, trust_objects
from linkerd_cli.usage import Parser


def _external(*flags: str) -> Namespace:
    parser = Parser("linkerd install", "")
    add_value_flags(parser)
    add_trust_flags(parser)
    return parser.parse_args(flags)


def _args(directory: Path, anchors: str, certificate: str, key: str) -> Namespace:
    flags = []
    for name, text in (("trust-anchors", anchors), ("issuer-certificate", certificate), ("issuer-key", key)):
        (directory / name).write_text(text)
        flags += [f"--identity-{name}-file", str(directory / name)]
    return _external(*flags)


def test_objects(tmp_path: Path) -> None:
    anchor = Issued("root")
    issuer = Issued("issuer", by=anchor)
    roots, secret = trust_objects(_args(tmp_path, anchor.pem, issuer.pem, issuer.key_pem), "mesh")
    assert (roots["kind"], secret["kind"]) == ("ConfigMap", "Secret")
    assert "namespace': 'mesh'" in str(roots["metadata"])


def test_what_identity_would_refuse(tmp_path: Path) -> None:
    anchor, other = Issued("root"), Issued("root")
    issuer = Issued("issuer", by=anchor)
    with pytest.raises(CliError, match="not issued by any of the trust anchors"):
        trust_objects(_args(tmp_path, other.pem, issuer.pem, issuer.key_pem), "linkerd")
    with pytest.raises(CliError, match="cannot be read"):
        trust_objects(_args(tmp_path, "frog", issuer.pem, issuer.key_pem), "linkerd")


def test_an_external_issuer_is_announced(tmp_path: Path) -> None:
    (announced,) = trust_objects(_external("--identity-external-issuer"), "mesh")
    assert announced["kind"] == "ConfigMap"
    assert "'identity.linkerd.io/given': 'true'" in str(announced["metadata"])
    assert "data" not in announced
    anchors = tmp_path / "ca.crt"
    anchors.write_text(Issued("root").pem)
    flags = ["--identity-external-issuer", "--identity-trust-anchors-file", str(anchors)]
    (announced,) = trust_objects(_external(*flags), "mesh")
    assert announced["data"] == {"ca-bundle.crt": anchors.read_text()}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (
            ["--identity-external-issuer", "--identity-issuer-key-file", "x"],
            "-issuer contradicts --identity-issuer-key",
        ),
        (["--identity-external-ca", "--identity-trust-anchors-file", "x"], "-ca contradicts --identity-trust-anchors"),
    ],
)
def test_contradictions(flags: list[str], told: str) -> None:
    with pytest.raises(CliError, match=told):
        trust_objects(_external(*flags), "mesh")
