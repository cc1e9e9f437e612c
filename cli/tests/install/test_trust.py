"""Certificates by flags."""

from argparse import Namespace
from pathlib import Path

import pytest
from cli.tests.check.mesh import Issued

from linkerd_cli.errors import CliError
from linkerd_cli.install.trust import add_trust_flags, trust_objects
from linkerd_cli.usage import Parser


def _args(directory: Path, anchors: str, certificate: str, key: str) -> Namespace:
    parser = Parser("linkerd install", "")
    add_trust_flags(parser)
    flags = []
    for name, text in (("trust-anchors", anchors), ("issuer-certificate", certificate), ("issuer-key", key)):
        (directory / name).write_text(text)
        flags += [f"--identity-{name}-file", str(directory / name)]
    return parser.parse_args(flags)


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
