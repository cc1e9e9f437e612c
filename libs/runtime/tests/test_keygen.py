"""The key helper, run as the process that it is."""

import subprocess
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from linkerd_runtime import keygen

NAME = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"


def run(identity: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "linkerd_runtime.keygen", "--identity", identity, "--directory", str(directory)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_writes_a_key_and_a_request(tmp_path: Path) -> None:
    directory = tmp_path / "end-entity"
    done = run(NAME, directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (directory / "key.p8").stat().st_mode & 0o777 == 0o600
    csr = x509.load_pem_x509_csr((directory / "csr.pem").read_bytes())
    key = load_pem_private_key((directory / "key.p8").read_bytes(), None)
    assert csr.is_signature_valid
    assert csr.public_key() == key.public_key()
    san = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == [NAME]
    assert csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == NAME
    assert sorted(path.name for path in directory.iterdir()) == ["csr.pem", "key.p8"]


def test_an_existing_key_is_kept_and_a_broken_one_replaced(tmp_path: Path) -> None:
    keygen.generate(NAME, tmp_path)
    first = (tmp_path / "key.p8").read_bytes()
    keygen.generate("other.example", tmp_path)
    assert (tmp_path / "key.p8").read_bytes() == first
    (tmp_path / "key.p8").write_text("nonsense")
    keygen.generate(NAME, tmp_path)
    load_pem_private_key((tmp_path / "key.p8").read_bytes(), None)


def test_long_names_have_no_common_name(tmp_path: Path) -> None:
    name = "a" * 63 + ".example"
    keygen.generate(name, tmp_path)
    csr = x509.load_pem_x509_csr((tmp_path / "csr.pem").read_bytes())
    assert not list(csr.subject)


def test_failure_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(NAME, tmp_path / "file")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert NAME in done.stderr
