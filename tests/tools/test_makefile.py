"""What `make e2e` would run: on a sandbox, on a cluster that is given, on kind, on a real kube-apiserver."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def would_run(*arguments: str, **environment: str) -> str:
    """The last command of `make -n`, by a make that does not know of the one that may have started the tests."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(
        ["make", "-n", *arguments],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([], "APISERVER=embedded KUBE_APISERVER= ETCD= "),
        (["KUBECONFIG=some/where"], "E2E_KUBECONFIG=some/where APISERVER=embedded KUBE_APISERVER= ETCD= "),
        (
            ["APISERVER=real", "KUBE_APISERVER=/a/kube-apiserver", "ETCD=/b/etcd"],
            "APISERVER=real KUBE_APISERVER=/a/kube-apiserver ETCD=/b/etcd ",
        ),
    ],
)
def test_the_suite_is_the_same_everywhere(arguments: list[str], environment: str) -> None:
    suite = '.venv/bin/pytest -q -m "not soak" tests/e2e'
    assert " ".join(would_run("e2e", *arguments).split()) == environment + suite


def test_kind() -> None:
    assert would_run("e2e", "CLUSTER=kind") == ".venv/bin/python -m tools.kind"


def test_an_exported_kubeconfig_is_no_place_for_tests() -> None:
    assert "E2E_KUBECONFIG" not in would_run("e2e", KUBECONFIG="/somebody/else")


def test_images_check_takes_names() -> None:
    assert would_run("images-check", "IMAGES=proxy viz").strip() == ".venv/bin/python -m tools.images_check proxy viz"
