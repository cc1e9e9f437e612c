"""`make images-check`: build the images without a Docker engine or a registry, and look at what came out.

buildah builds the same Dockerfiles as `docker buildx bake`; the base that they name (Debian's slim image, which only a
registry has) is made here by debootstrap, from Debian's packages, without documentation and translations, as the slim
image is. Needs root (debootstrap and the mounts), buildah, debootstrap and Debian's package archive.

    python -m tools.images_check [IMAGE ...]      proxy identity destination injector viz; all without arguments
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITE = "trixie"
BASE = f"localhost/debian:{SUITE}-slim"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_NOT_IN_SLIM = ("doc", "locale", "man", "info")
"""Below /usr/share."""
_NEVER_SHIPPED = ("pip", "pip3", "gcc", "cc", "g++", "make", "hatchling")
_BAD_SETTINGS = 64
_POST_QUANTUM = """
import ssl
out = ssl.MemoryBIO()
client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="images-check")
try:
    client.do_handshake()
except ssl.SSLWantReadError:
    pass
raise SystemExit(bytes.fromhex("11ec04c0") not in out.read())
"""
"""Whether a ClientHello carries a key share of X25519MLKEM768: group 0x11ec, 1,216 octets."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an image must be."""

    user: str
    entrypoint: str
    commands: tuple[str, ...]
    refusal: str
    """What its program says, and exits with 64, where its settings are of no use: it starts, and names the variable."""
    most_megabytes: float
    """Compressed, all layers."""


IMAGES = {
    "proxy": Expected(
        "2102:2102",
        "/usr/lib/linkerd/linkerd2-proxy",
        ("/usr/lib/linkerd/linkerd2-proxy-init", "/usr/lib/linkerd/linkerd-await", "/usr/sbin/iptables-nft"),
        "LINKERD2_PROXY_IDENTITY_DIR: not set",
        60.0,
    ),
    "identity": Expected("2103:2103", "/opt/linkerd/bin/linkerd-identity", (), "LINKERD_LOG_LEVEL", 60.0),
    "destination": Expected("2103:2103", "/opt/linkerd/bin/linkerd-destination", (), "LINKERD_LOG_LEVEL", 60.0),
    "injector": Expected("2103:2103", "/opt/linkerd/bin/linkerd-injector", (), "LINKERD_LOG_LEVEL", 60.0),
    "viz": Expected("2103:2103", "/opt/linkerd/bin/linkerd-viz-metrics-api", (), "LINKERD_LOG_LEVEL", 60.0),
}


def main(arguments: Sequence[str]) -> int:
    """Build and check; 1 where an image is not what it must be."""
    names = list(arguments) or list(IMAGES)
    unknown = [name for name in names if name not in IMAGES]
    if unknown:
        print(f"no such image: {', '.join(unknown)}; there are {', '.join(IMAGES)}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("images-check needs root: debootstrap makes device files and buildah mounts", file=sys.stderr)
        return 1
    missing = [tool for tool in ("buildah", "debootstrap") if not shutil.which(tool)]
    if missing:
        print(f"missing: apt-get install {' '.join(missing)}", file=sys.stderr)
        return 1
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="linkerd-images-") as scratch:
        builder = Builder(Path(scratch))
        builder.make_base()
        for name in names:
            print(f"images-check: building {name}", flush=True)
            image = builder.build(name)
            with builder.container(image) as (container, files):
                found, size = look(builder, container, files, IMAGES[name])
            print(f"images-check: {name}: {size:.1f} MB compressed{''.join(f'; {line}' for line in found)}", flush=True)
            wrong += [f"{name}: {line}" for line in found]
    print(f"{len(names) - len({w.partition(':')[0] for w in wrong})} passed, {len(wrong)} failed")
    return 1 if wrong else 0


class Builder:
    """buildah with a store of its own, which goes with the scratch folder."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._base = ["buildah", "--root", str(scratch / "store"), "--runroot", str(scratch / "run")]
        self._base += ["--storage-driver", "overlay"]

    def make_base(self) -> None:
        """The base image, from Debian's packages."""
        root = self._scratch / "base"
        print(f"images-check: making the base image of Debian {SUITE}", flush=True)
        output(["debootstrap", "--variant=minbase", SUITE, str(root)])
        for folder in _NOT_IN_SLIM:
            shutil.rmtree(root / "usr/share" / folder, ignore_errors=True)
        for file in [*root.glob("var/cache/apt/**/*"), *root.glob("var/lib/apt/lists/*")]:
            if file.is_file():
                file.unlink()
        container = self.run("from", "scratch").strip()
        self.run("add", "--quiet", container, str(root), "/")
        self.run("commit", "--quiet", "--rm", container, BASE)
        shutil.rmtree(root)

    def build(self, name: str) -> str:
        """The image's name in the store. pip is lent this machine's certificates: a mirror may have its own."""
        image = f"localhost/linkerd-py/{name}:check"
        isolation = ["--isolation", "chroot", "--network", "host"]
        pip_conf = self._scratch / "pip.conf"
        pip_conf.write_text("[global]\ncert = /etc/images-check.crt\n")
        lent = ["--volume", f"{pip_conf}:/etc/pip.conf:ro", "--volume", f"{CERTIFICATES}:/etc/images-check.crt:ro"]
        dockerfile = str(ROOT / f"services/{name}/Dockerfile")
        self.run("build", *isolation, *lent, "--build-arg", f"BASE={BASE}", "-f", dockerfile, "-t", image, str(ROOT))
        return image

    @contextmanager
    def container(self, image: str) -> Iterator[tuple[str, Path]]:
        """A container of an image, and its files."""
        container = self.run("from", image).strip()
        try:
            yield container, Path(self.run("mount", container).strip())
        finally:
            self.run("rm", container)

    def configuration(self, container: str) -> tuple[str, list[str]]:
        """USER and ENTRYPOINT."""
        config = json.loads(self.run("inspect", container))["OCIv1"]["config"]
        return config.get("User", ""), config.get("Entrypoint", [])

    def inside(self, container: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it, with no configuration."""
        whole = [*self._base, "run", "--isolation", "chroot", container, "--", *command]
        return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=120)

    def run(self, *arguments: str) -> str:
        """A buildah command; its failure ends the check with what it said."""
        return output([*self._base, *arguments])


def look(builder: Builder, container: str, files: Path, expected: Expected) -> tuple[list[str], float]:
    """What is wrong with an image, and its compressed size in megabytes."""
    wrong: list[str] = []
    user, entrypoint = builder.configuration(container)
    if user != expected.user:
        wrong.append(f"its user is {user!r}, not {expected.user}")
    if entrypoint != [expected.entrypoint]:
        wrong.append(f"its entry point is {entrypoint}, not {expected.entrypoint}")
    wrong += [f"{command} is missing" for command in expected.commands if not os.path.lexists(files / command[1:])]
    folders = ("usr/bin", "usr/sbin", "usr/local/bin", "opt/linkerd/bin")
    wrong += [f"{f}/{tool} is in it" for f in folders for tool in _NEVER_SHIPPED if (files / f / tool).exists()]
    if (files / "build").exists():
        wrong.append("/build of the first stage is in it")
    started = builder.inside(container, "/usr/bin/env", "LINKERD_LOG_LEVEL=nonsense", expected.entrypoint)
    if started.returncode != _BAD_SETTINGS or expected.refusal not in started.stdout + started.stderr:
        wrong.append(f"with bad settings it did not exit with 64 and say {expected.refusal!r}: {started.stderr[-300:]}")
    exchanged = builder.inside(container, "/opt/linkerd/bin/python", "-c", _POST_QUANTUM)
    if exchanged.returncode:
        wrong.append(f"X25519MLKEM768 is not offered {exchanged.stderr.strip()[-200:]}".strip())
    size = compressed(files)
    if size > expected.most_megabytes:
        wrong.append(f"{size:.1f} MB compressed, more than {expected.most_megabytes:g}")
    return wrong, size


def compressed(files: Path) -> float:
    """Megabytes of an image's files as one gzipped layer."""

    with tempfile.TemporaryFile() as kept:
        with (
            gzip.GzipFile(fileobj=kept, mode="wb", compresslevel=6) as zipped,
            tarfile.open(fileobj=zipped, mode="w|") as tar,
        ):
            tar.add(files, arcname=".")
        return kept.tell() / 1e6


def output(command: Sequence[str]) -> str:
    """A command's output; raises SystemExit with what it said where it failed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"images-check: {' '.join(command[:12])} … failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
