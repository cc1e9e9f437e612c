"""`make images-check`: build the images without a Docker engine or a registry, and look at what came out.

buildah builds the same Dockerfiles as `docker buildx bake`; the base that they name (Debian's slim image, which only a
registry has) is made here by debootstrap, from Debian's packages, without documentation and translations, as the slim
image is. Needs root (debootstrap and the mounts), buildah, debootstrap and Debian's package archive.

    python -m tools.images_check [IMAGE ...]      all of docker-bake.hcl's group default without arguments
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
_NONSENSE = tuple(f"{name}=nonsense" for name in ("LINKERD_LOG_LEVEL", "GRPC_PORT", "WEB_PORT", "TTL"))
"""Settings that every program refuses one of."""
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
class Trial:
    """A program of an image that is run in it, with what makes it end at once, and what must come of it."""

    command: str
    exit_code: int = _BAD_SETTINGS
    says: str = "LINKERD_LOG_LEVEL"
    """Where its settings are of no use it starts, names the variable and exits with 64."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an image must be."""

    dockerfile: str
    user: str
    entrypoint: tuple[str, ...]
    trials: tuple[Trial, ...]
    most_megabytes: float
    """Compressed, all layers."""
    python: str = "/opt/linkerd/bin/python"
    """Whose TLS is looked at; empty for an image that is no program of ours."""
    commands: tuple[str, ...] = ()
    """What must be there besides."""
    part: str = ""
    """The build argument PART."""


def _service(name: str, *commands: str) -> Expected:
    """One of the control plane or of viz; the first command is the entry point."""
    paths = [f"/opt/linkerd/bin/{command}" for command in commands]
    trials = tuple(Trial(path) for path in paths)
    return Expected(f"services/{name}/Dockerfile", "2103:2103", (paths[0],), trials, 60.0)


def _emojivoto(part: str) -> Expected:
    """A port or a time that is no number ends it with a stack trace: it is an example, and starts."""
    trial = Trial(f"/opt/emojivoto/bin/emojivoto-{part}", 1, "'nonsense'")
    entry = ("/usr/local/bin/emojivoto-part",)
    python = "/opt/emojivoto/bin/python"
    return Expected("examples/emojivoto/Dockerfile", "65534:65534", entry, (trial,), 70.0, python, part=part)


IMAGES = {
    "proxy": Expected(
        "services/proxy/Dockerfile",
        "2102:2102",
        ("/usr/lib/linkerd/linkerd2-proxy",),
        (Trial("/usr/lib/linkerd/linkerd2-proxy", says="LINKERD2_PROXY_IDENTITY_DIR: not set"),),
        60.0,
        commands=("/usr/lib/linkerd/linkerd2-proxy-init", "/usr/lib/linkerd/linkerd-await", "/usr/sbin/iptables-nft"),
    ),
    "identity": _service("identity", "linkerd-identity"),
    "destination": _service("destination", "linkerd-destination"),
    "injector": _service("injector", "linkerd-injector"),
    "viz": _service("viz", "linkerd-viz-metrics-api", "linkerd-viz-tap"),
    "debug": Expected(
        "deploy/debug/Dockerfile",
        "",
        ("tshark", "-i", "any"),
        (Trial("/usr/bin/tshark --version", 0, "TShark"), Trial("/usr/bin/curl --version", 0, "curl")),
        160.0,
        python="",
        commands=("/usr/sbin/iptables-nft", "/usr/bin/tcpdump", "/usr/bin/jq", "/usr/sbin/conntrack"),
    ),
    **{f"emojivoto-{part}": _emojivoto(part) for part in ("web", "emoji", "voting", "vote-bot")},
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
            image = builder.build(name, IMAGES[name])
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

    def build(self, name: str, expected: Expected) -> str:
        """The image's name in the store. pip is lent this machine's certificates: a mirror may have its own."""
        image = f"localhost/linkerd-py/{name}:check"
        isolation = ["--isolation", "chroot", "--network", "host"]
        pip_conf = self._scratch / "pip.conf"
        pip_conf.write_text("[global]\ncert = /etc/images-check.crt\n")
        lent = ["--volume", f"{pip_conf}:/etc/pip.conf:ro", "--volume", f"{CERTIFICATES}:/etc/images-check.crt:ro"]
        arguments = ["--build-arg", f"BASE={BASE}"]
        if expected.part:
            arguments += ["--build-arg", f"PART={expected.part}"]
        dockerfile = str(ROOT / expected.dockerfile)
        # With layers: what Dockerfiles have in common is built once.
        self.run("build", "--layers", *isolation, *lent, *arguments, "-f", dockerfile, "-t", image, str(ROOT))
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
    if tuple(entrypoint) != expected.entrypoint:
        wrong.append(f"its entry point is {entrypoint}, not {list(expected.entrypoint)}")
    wrong += [f"{command} is missing" for command in expected.commands if not os.path.lexists(files / command[1:])]
    folders = ("usr/bin", "usr/sbin", "usr/local/bin", "opt/linkerd/bin", "opt/emojivoto/bin")
    wrong += [f"{f}/{tool} is in it" for f in folders for tool in _NEVER_SHIPPED if (files / f / tool).exists()]
    if (files / "build").exists():
        wrong.append("/build of the first stage is in it")
    for trial in expected.trials:
        ended = builder.inside(container, "/usr/bin/env", *_NONSENSE, *trial.command.split())
        if ended.returncode != trial.exit_code or trial.says not in ended.stdout + ended.stderr:
            did = f"exited with {ended.returncode}: {(ended.stdout + ended.stderr)[-300:]}"
            wrong.append(f"{trial.command} did not exit with {trial.exit_code} and say {trial.says!r}; it {did}")
    if expected.python:
        exchanged = builder.inside(container, expected.python, "-c", _POST_QUANTUM)
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
