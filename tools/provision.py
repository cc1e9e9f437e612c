"""Make this checkout ready: the virtual environment, Python packages, missing Debian packages.

Standard library only: it runs with the machine's own python3 before anything is installed. Each step is skipped when
it is done already (the environment by a stamp over every file that says what goes into it). sudo is used only for
Debian packages, and announced. What cannot be installed is one line with the package and the command; it ends the
setup, unless only some tests want it (--try): those then skip, and say why.

    python3 tools/provision.py [--apt PACKAGE=COMMAND ...] [--try PACKAGE=COMMAND ...] [--bench]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
MINIMUM = (3, 11)
# A mirror that answers badly is asked again, and another apt (an unattended upgrade) is waited for.
APT = ["apt-get", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300"]
WISH_SECONDS = 240
"""What only some tests want is not waited for longer than this while it is fetched."""
SERVICES = {"prometheus": "prometheus.service"}
"""By package, what Debian would start at once and at every boot; here only tests start it."""
SOURCES = ("libs", "services", "cli", "sandbox", "examples")


def say(text: str) -> None:
    """A progress line."""
    print(f"setup: {text}", flush=True)


def fail(text: str) -> None:
    """One clear line, exit 1."""
    print(f"setup: {text}", file=sys.stderr)
    raise SystemExit(1)


def check_machine() -> None:
    """Linux and a recent enough Python, or one line that says what does."""
    if platform.system() != "Linux":
        fail(
            f"{platform.system()} has no network namespaces: run this in a Linux virtual machine "
            "(Lima, Multipass, WSL 2) with Debian 12, Ubuntu 24.04 or newer."
        )
    if sys.version_info < MINIMUM:
        fail(
            f"python3 is {platform.python_version()}; {'.'.join(map(str, MINIMUM))} or newer is needed "
            "(Debian 12, Ubuntu 24.04 and newer have it)."
        )


def stamp(files: list[Path]) -> str:
    """One hash over the interpreter and every file that says what goes into the environment."""
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(files):
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def run(command: Sequence[str | Path], what: str) -> None:
    """Run a step; on failure show its output and stop."""
    done = subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout[-3000:] + done.stderr[-3000:])
        fail(f"{what} failed; the command was: {' '.join(str(c) for c in command)}")


def python_environment(requirements: list[str]) -> None:
    """The virtual environment with everything of the requirement files, at the lock's versions."""
    inputs = [ROOT / "constraints.txt", *(ROOT / r for r in requirements)]
    inputs += [
        p for d in ("libs", "services", "cli", "sandbox", "examples") for p in (ROOT / d).glob("**/pyproject.toml")
    ]
    mark, wanted = VENV / f".{'-'.join(requirements)}.stamp", stamp(inputs)
    if mark.exists() and mark.read_text() == wanted:
        return
    python = VENV / "bin/python"
    if not python.exists():
        say("making the virtual environment .venv")
        try:
            venv.create(VENV, with_pip=True)
        except (subprocess.CalledProcessError, OSError):
            shutil.rmtree(VENV, ignore_errors=True)
            fail("python3 has no working venv module; install it with: sudo apt-get install -y python3-venv")
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries=10",
        "-c",
        "constraints.txt",
    ]
    say("installing Python packages (about a minute the first time)")
    run([*pip, "hatchling", "editables"], "installing the build backend")
    run([*pip, "--no-build-isolation", *(f"--requirement={r}" for r in requirements)], "installing Python packages")
    say("compiling Python files")
    # A sandbox starts dozens of processes: without .pyc files each of them would compile everything anew.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    sources = [str(p) for d in SOURCES for p in (ROOT / d).glob("**/src")]
    compiling = [str(python), "-m", "compileall", "-q", "-j", "0", str(VENV / "lib"), *sources]
    subprocess.run(compiling, env=environment, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    mark.write_text(wanted)


def missing_packages(wanted: list[str]) -> list[str]:
    """Those whose command is not there; `wanted` are PACKAGE=COMMAND."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [w.partition("=")[0] for w in wanted if not shutil.which(w.partition("=")[2], path=path)]


def install(packages: list[str], seconds: int | None = None) -> str:
    """Install Debian packages; the reason where that does not work, else nothing. `seconds` is all that it may load."""
    words = ["install", "-y", "--no-install-recommends", *packages]
    by_hand = f"sudo apt-get {' '.join(words)}"
    if not shutil.which("apt-get"):
        return f"missing: {', '.join(packages)}; install them with your package manager (on Debian: {by_hand})"
    prefix: list[str] = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            return (
                f"missing Debian packages: {', '.join(packages)}; install them as root with: apt-get {' '.join(words)}"
            )
        prefix = ["sudo"]
    say(f"installing Debian packages{' with sudo' if prefix else ''}: {', '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Not the installing itself: half of it would be worse than none.
    steps = [[*APT, "update", "-qq"]]
    if seconds:
        steps.append(["timeout", str(seconds), *APT, *words, "--download-only"])
    if (services := [SERVICES[p] for p in packages if p in SERVICES]) and shutil.which("systemctl"):
        say(f"masking {', '.join(services)}, which nobody asked for (systemctl unmask brings it back)")
        steps.append(["systemctl", "mask", *services])
    for step in [*steps, [*APT, *words]]:
        done = subprocess.run(
            [*prefix, *step],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode and step is not steps[0]:
            return f"{done.stdout[-2000:]}\ncould not install {', '.join(packages)}; try: {by_hand}"
    return ""


def debian_packages(needed: list[str], wished: list[str]) -> None:
    """Install what is missing. Without `needed` there is no setup; without `wished` some tests skip."""
    needed, wished = missing_packages(needed), missing_packages(wished)
    if needed and (reason := install(needed)):
        fail(reason)
    # One by one: a distribution that lacks one of them has the others.
    for package in wished:
        if reason := install([package], WISH_SECONDS):
            say(f"{reason}\nsetup: tests that want {package} will skip")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apt", nargs="*", default=[], metavar="PACKAGE=COMMAND")
    parser.add_argument("--try", nargs="*", default=[], metavar="PACKAGE=COMMAND", dest="wished")
    parser.add_argument("--bench", action="store_true", help="also the peers that the bench compares with")
    options = parser.parse_args()
    check_machine()
    debian_packages(options.apt, options.wished)
    python_environment(["requirements-dev.txt", *(["requirements-bench.txt"] if options.bench else [])])


if __name__ == "__main__":
    main()
