"""Certificates given by flags: the Secret and the ConfigMap that identity would otherwise make.

With an external issuer (cert-manager's, say) the Secret comes from elsewhere, later: the ConfigMap then says that trust
is given, so that identity waits for the Secret instead of making trust of its own.
"""

import argparse
import base64
from pathlib import Path
from typing import TYPE_CHECKING

from linkerd_cli.errors import CliError, UsageError, cause
from linkerd_cli.tree import JsonObject
from linkerd_cli.usage import Parser
from linkerd_contract import names
from linkerd_contract.trust import ANNOTATION_GIVEN

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_FLAGS = ("identity_trust_anchors_file", "identity_issuer_certificate_file", "identity_issuer_key_file")


def add_trust_flags(parser: Parser) -> None:
    """All three or none."""
    group = parser.add_argument_group("trust (left out: identity makes it and rotates it)")
    for flag, what in zip(_FLAGS, ("trust anchors", "issuer's certificate", "issuer's key"), strict=True):
        group.add_argument(f"--{flag.replace('_', '-')}", metavar="PEM", help=f"the {what}")


def trust_objects(args: argparse.Namespace, namespace: str) -> list[JsonObject]:
    """Objects to install beside the control plane; none without the flags. Raises CliError for what would not work."""
    if args.identity_external_issuer or args.identity_external_ca:
        return [_external(args, namespace)]
    given = [getattr(args, flag) for flag in _FLAGS]
    if not any(given):
        return []
    if not all(given):
        missing = ", ".join(f"--{f.replace('_', '-')}" for f, v in zip(_FLAGS, given, strict=True) if not v)
        raise UsageError(f"a trust of your own needs {missing} too")
    anchors, certificate, key = (_read(path) for path in given)
    _check(anchors, certificate, key)
    pem = {"crt.pem": certificate, "key.pem": key}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _metadata(names.TRUST_ROOTS_CONFIG_MAP, namespace),
            "data": {names.TRUST_ROOTS_KEY: anchors},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": _metadata(names.ISSUER_SECRET, namespace),
            "type": "Opaque",
            "data": {name: base64.b64encode(text.encode()).decode() for name, text in pem.items()},
        },
    ]


def _external(args: argparse.Namespace, namespace: str) -> JsonObject:
    """The ConfigMap alone; without anchors, identity takes them from the Secret's ca.crt when it comes."""
    anchors, certificate, key = (getattr(args, flag) for flag in _FLAGS)
    if certificate or key:
        flag = "--identity-external-issuer" if args.identity_external_issuer else "--identity-external-ca"
        raise UsageError(f"{flag} contradicts --identity-issuer-{'certificate' if certificate else 'key'}-file")
    if args.identity_external_ca and anchors:
        raise UsageError("--identity-external-ca contradicts --identity-trust-anchors-file")
    metadata = _metadata(names.TRUST_ROOTS_CONFIG_MAP, namespace)
    metadata["annotations"] = {ANNOTATION_GIVEN: "true"}
    config_map: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    if anchors:
        bundle = _read(anchors)
        _certificates(bundle)
        config_map["data"] = {names.TRUST_ROOTS_KEY: bundle}
    return config_map


def _certificates(pem: str) -> "list[Certificate]":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, x509.InvalidVersion) as error:
        raise CliError(f"the identity files cannot be read: {error}") from error


def _metadata(name: str, namespace: str) -> JsonObject:
    labels = {names.LABEL_CONTROL_PLANE_COMPONENT: "identity", names.LABEL_CONTROL_PLANE_NS: namespace}
    return {"name": name, "namespace": namespace, "labels": labels}


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path}: {cause(error)}") from error


def _check(anchors: str, certificate: str, key: str) -> None:
    """What identity would refuse is refused here."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    roots, issuer = _certificates(anchors), _certificates(certificate)[0]
    try:
        private = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError) as error:
        raise CliError(f"the identity files cannot be read: {error}") from error
    if private.public_key() != issuer.public_key():
        raise CliError("the issuer's key is not its certificate's")
    for root in roots:
        try:
            issuer.verify_directly_issued_by(root)
        except (InvalidSignature, ValueError, TypeError):
            continue
        return
    raise CliError("the issuer's certificate is not issued by any of the trust anchors")
