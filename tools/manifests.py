"""`make manifests`: deploy/kustomize rendered into the files that the CLI ships.

kubectl's kustomize v5 renders; nothing here changes what it writes. With --check nothing is written: exit 1 names
the files that differ, exit 3 says that there is no kustomize v5 to compare with.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RENDERED = ROOT / "cli/src/linkerd_cli/manifests"
TARGETS = {
    "deploy/kustomize/overlays/default": "control-plane.yaml",
    "deploy/kustomize/overlays/ha": "control-plane-ha.yaml",
    "deploy/kustomize/viz": "viz.yaml",
}
DRIFT, NO_KUSTOMIZE = 1, 3


class NoKustomize(Exception):
    """kubectl is missing or its kustomize is not version 5."""


def require_kustomize() -> None:
    """Raises NoKustomize with the reason."""
    try:
        answer = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoKustomize("kubectl is not on PATH") from None
    version = re.search(r"Kustomize Version: (\S+)", answer.stdout)
    if version is None or not version[1].startswith("v5."):
        raise NoKustomize(f"kubectl's kustomize is {version[1] if version else 'unknown'}; version 5 is needed")


def render(directory: str) -> bytes:
    """One kustomization as a YAML stream. Raises CalledProcessError."""
    return subprocess.run(["kubectl", "kustomize", str(ROOT / directory)], capture_output=True, check=True).stdout


def main(argv: list[str] | None = None) -> int:
    """Render or compare every target; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(argv).check
    try:
        require_kustomize()
    except NoKustomize as reason:
        print(reason, file=sys.stderr)
        return NO_KUSTOMIZE
    drift = False
    for directory, name in TARGETS.items():
        try:
            text = render(directory)
        except subprocess.CalledProcessError as error:
            print(f"{directory}: {error.stderr.decode().strip()}", file=sys.stderr)
            return DRIFT
        file = RENDERED / name
        if file.is_file() and file.read_bytes() == text:
            continue
        if check:
            print(f"{file.relative_to(ROOT)} differs from {directory}: run make manifests", file=sys.stderr)
            drift = True
        else:
            file.write_bytes(text)
            print(f"wrote {file.relative_to(ROOT)}")
    return DRIFT if drift else 0


if __name__ == "__main__":
    sys.exit(main())
