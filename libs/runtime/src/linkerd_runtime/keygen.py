"""A short-lived helper: `python -m linkerd_runtime.keygen --identity NAME --directory DIR`.

Writes DIR/key.p8 (PKCS#8 PEM, mode 0600) and DIR/csr.pem (PKCS#10 PEM). A process of its own, so that long-lived
proxies do not carry the cryptography package in memory. A key that is already there is used again: a container that
restarts within its pod then keeps a chain that fits. Both files appear whole or not at all.
"""

import argparse
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

KEY_FILE = "key.p8"
CSR_FILE = "csr.pem"

_MAX_COMMON_NAME = 64
"""X.520 ub-common-name. A longer identity stands in the SAN only, which is all that is ever compared."""


def write_private(path: Path, data: bytes) -> None:
    """Replace a file atomically; only its owner may read it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)


def existing_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    """The key in the directory, if it is one of ours (ECDSA P-256)."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    return None


def make_csr(key: ec.EllipticCurvePrivateKey, identity: str) -> bytes:
    """A PEM CSR with exactly one DNS name, the identity (what Linkerd's identity service demands)."""
    names = [x509.NameAttribute(NameOID.COMMON_NAME, identity)] if len(identity) <= _MAX_COMMON_NAME else []
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(names))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(identity)]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


def generate(identity: str, directory: Path) -> None:
    """Write the key and the CSR. Raises OSError, and ValueError for a name that no certificate can hold."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = existing_key(directory / KEY_FILE)
    if key is None:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(directory / KEY_FILE, pem)
    write_private(directory / CSR_FILE, make_csr(key, identity))


def main(arguments: list[str]) -> int:
    """Exit code: 0, or 1 with one line on standard error."""
    parser = argparse.ArgumentParser(prog="linkerd_runtime.keygen", description="Make a workload's key and CSR.")
    parser.add_argument("--identity", required=True, help="the DNS name that the CSR asks for")
    parser.add_argument("--directory", required=True, type=Path, help="where key.p8 and csr.pem are written")
    options = parser.parse_args(arguments)
    try:
        generate(options.identity, options.directory)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot make a key and a CSR for {options.identity!r}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
