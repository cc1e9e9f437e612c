"""A developer's virtual environment as an image: what its commands need to see of this machine.

Read when the image is added, so that a missing folder is said there and not in a pod's status.
"""

import os
from pathlib import Path

from linkerd_sandbox.images import Mapping
from linkerd_sandbox.kubelet.rootfs import editable_roots, outermost


class BadEnvironment(Exception):
    """One line for people."""


def base_of(venv: Path) -> Path:
    """The installation that the environment was made from (`home` of pyvenv.cfg). Raises BadEnvironment."""
    try:
        lines = (venv / "pyvenv.cfg").read_text().splitlines()
    except OSError:
        raise BadEnvironment(f"{venv} is no virtual environment: python3 -m venv {venv}") from None
    home = next((line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == "home"), "")
    return Path(home).resolve().parent if home else Path("/usr")


def describe(command: list[str], venv: Path | None, source: Path | None) -> Mapping:
    """What to run and what to show it, read-only: the environment, its Python, its editable packages, the source.

    Raises BadEnvironment.
    """
    shown: list[Path] = []
    path = ""
    if venv is not None:
        venv = Path(os.path.abspath(venv))  # noqa: PTH100 - links stay: the environment's name is part of it
        shown += [venv, base_of(venv), *editable_roots(sorted(venv.glob("lib/python*/site-packages")))]
        path = str(venv / "bin")
    if source is not None:
        source = source.resolve()
        if not source.is_dir():
            raise BadEnvironment(f"{source} is not a folder")
        shown.append(source)
    binds = [str(one) for one in outermost(shown) if not one.is_relative_to("/usr") and one != Path("/")]
    return {"command": command, "path": path, "directory": str(source or ""), "binds": binds}
