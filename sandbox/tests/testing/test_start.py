"""Starting a sandbox for tests. That it works at all, the end-to-end tests show."""

import os
from pathlib import Path

import pytest

from linkerd_sandbox.testing.start import LINKERD, api_server_options, sandbox, user_environment


def test_without_kubectl_the_user_gets_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    environment = user_environment("/k", tmp_path)
    assert (tmp_path / "kubectl").read_text().endswith(f'exec {LINKERD} sandbox kubectl "$@"\n')
    assert os.access(tmp_path / "kubectl", os.X_OK)
    assert environment["PATH"].split(":")[:2] == [str(tmp_path), str(LINKERD.parent)]
    assert (environment["KUBECONFIG"], environment["NO_COLOR"]) == ("/k", "1")


def test_what_the_sandbox_says_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AssertionError, match="file"), sandbox(tmp_path / "file"):
        raise RuntimeError("it must not start")


def test_which_api_server() -> None:
    given = {"APISERVER": "real", "KUBE_APISERVER": "/k", "ETCD": "/e"}
    assert api_server_options(given) == ["--kube-apiserver", "/k", "--etcd", "/e"]
    assert api_server_options({}) == api_server_options(given | {"APISERVER": "embedded"}) == []
    for wrong, why in (({"APISERVER": "real"}, "needs KUBE_APISERVER"), ({"APISERVER": "x"}, "embedded or real")):
        with pytest.raises(AssertionError, match=why):
            api_server_options(wrong)
