"""A sandbox of the tests' own with the mesh on it: installed, and left, by commands as a user types them."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from linkerd_sandbox.testing.cluster import Cluster
from linkerd_sandbox.testing.manifests import IMAGE

LINKERD = Path(sys.executable).parent / "linkerd"
_SECONDS = 180.0


def user_environment(kubeconfig: str, shims: Path) -> dict[str, str]:
    """PATH with our `linkerd`, and with our `kubectl` where the machine has none."""
    path = ":".join([str(LINKERD.parent), os.environ.get("PATH", ""), "/usr/sbin"])
    if not shutil.which("kubectl"):
        shim = shims / "kubectl"
        # With the PATH as it was: the sandbox would find this file again and run in circles.
        shim.write_text(f'#!/bin/sh\nPATH={shlex.quote(path)} exec {LINKERD} sandbox kubectl "$@"\n')
        shim.chmod(0o755)
        path = f"{shims}:{path}"
    return {**os.environ, "PATH": path, "KUBECONFIG": kubeconfig, "NO_COLOR": "1"}


def api_server_options(environ: Mapping[str, str]) -> list[str]:
    """Options of `linkerd sandbox up`: APISERVER=real runs the tests on the KUBE_APISERVER and ETCD that are given.

    Raises AssertionError for anything else but APISERVER=embedded, which is the default.
    """
    which = environ.get("APISERVER") or "embedded"
    if which == "embedded":
        return []
    given = [environ.get("KUBE_APISERVER", ""), environ.get("ETCD", "")]
    assert which == "real", f"APISERVER={which}: must be embedded or real"
    assert all(given), "APISERVER=real needs KUBE_APISERVER=PATH and ETCD=PATH"
    return ["--kube-apiserver", given[0], "--etcd", given[1]]


@contextlib.contextmanager
def sandbox(directory: Path, ip_family: str = "ipv4") -> Iterator[dict[str, str]]:
    """An empty cluster until the end of the block: the environment of its user.

    `directory` is empty and the cluster's own. `ip_family` is "ipv4" or "dual". Raises AssertionError with what
    `linkerd sandbox` says.
    """
    base = {**os.environ, "LINKERD_SANDBOX_DIR": str(directory), "NO_COLOR": "1"}
    _linkerd(base, "sandbox", "up", "--ip-family", ip_family, *api_server_options(base))
    try:
        shims = directory / "shims"
        shims.mkdir()
        yield {**user_environment(str(directory / "kubeconfig"), shims), "LINKERD_SANDBOX_DIR": str(directory)}
    finally:
        _linkerd(base, "sandbox", "down")


@contextlib.contextmanager
def meshed_cluster(directory: Path, project: Path, *install: str, ip_family: str = "ipv4") -> Iterator[Cluster]:
    """The same with the mesh installed and up. `install` are flags of `linkerd install`.

    Pods of the tests' image see `project`, read-only, and run in it.
    """
    with sandbox(directory, ip_family) as environment:
        venv = ["--venv", sys.prefix] if sys.prefix != sys.base_prefix else []
        image = ["image", "add", IMAGE, *venv, "--source", str(project), "--", sys.executable]
        _linkerd(environment, "sandbox", *image)
        cluster = Cluster(environment, directory)
        try:
            cluster.run("sh", "-c", f"linkerd install {shlex.join(install)} | kubectl apply -f -")
            cluster.run("linkerd", "check", "--wait", "180s", seconds=210)
            yield cluster
        finally:
            cluster.close()


def _linkerd(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [str(LINKERD), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
