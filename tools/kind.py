"""`make e2e CLUSTER=kind`: images, a kind cluster, the e2e suite on it, and the cluster's end.

Needs Docker with buildx, kind and kubectl. The cluster has a name of its own and a kubeconfig that nobody else sees.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from linkerd_contract.version import VERSION
from linkerd_sandbox.testing.manifests import IMAGE

ROOT = Path(__file__).resolve().parent.parent
NAME = "linkerd-py-e2e"
REGISTRY = "ghcr.io/linkerd-py"
OURS = ("proxy", "identity", "destination", "injector", "viz")
EXAMPLE = tuple(f"emojivoto-{part}" for part in ("web", "emoji", "voting", "vote-bot"))
EMOJIVOTO = "https://run.linkerd.io/emojivoto.yml"
"""Upstream's own manifest: what its users apply must work on this mesh as it is."""


def images() -> list[str]:
    """All that the cluster must have, since nothing is pulled but upstream's emojivoto."""
    return [*(f"{REGISTRY}/{name}:{VERSION}" for name in (*OURS, *EXAMPLE)), IMAGE]


def missing() -> list[str]:
    """Programs that are not there, and what is wrong with those that are."""
    found = [f"{tool} is not on PATH" for tool in ("docker", "kind", "kubectl") if not shutil.which(tool)]
    if not found and subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode:
        found.append("docker has no buildx")
    if not found and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        found.append("no Docker engine answers")
    return found


def run(*command: str) -> None:
    """One step; its output is shown. Raises CalledProcessError."""
    print(f"e2e: {' '.join(command)}", flush=True)
    subprocess.run(command, cwd=ROOT, check=True)


def main(arguments: Sequence[str]) -> int:
    """The suite's exit code; 2 where something is missing, 1 where a step before it failed. Arguments are pytest's."""
    lacking = missing()
    if lacking:
        print(f"make e2e CLUSTER=kind: {'; '.join(lacking)}", file=sys.stderr)
        return 2
    try:
        run("docker", "buildx", "bake", "--load", *OURS, *EXAMPLE, "e2e")
        with tempfile.TemporaryDirectory(prefix="linkerd-kind-") as directory, cluster(f"{directory}/kubeconfig") as on:
            run("kind", "load", "docker-image", "--name", NAME, *images())
            suite = [sys.executable, "-m", "pytest", "-q", "-m", "not soak", *(arguments or ["tests/e2e"])]
            return subprocess.run(suite, cwd=ROOT, env={**os.environ, **on}, check=False).returncode
    except subprocess.CalledProcessError as error:
        print(f"e2e: {error.cmd[0]} failed with exit code {error.returncode}", file=sys.stderr)
        return 1


@contextmanager
def cluster(kubeconfig: str) -> Iterator[dict[str, str]]:
    """A kind cluster until the end of the block, whatever happens in it; the suite's environment."""
    try:
        run("kind", "create", "cluster", "--name", NAME, "--kubeconfig", kubeconfig, "--wait", "120s")
        yield {"E2E_KUBECONFIG": kubeconfig, "E2E_OVERLAY": "kind", "E2E_UPSTREAM": EMOJIVOTO}
    finally:
        subprocess.run(["kind", "delete", "cluster", "--name", NAME], cwd=ROOT, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
