"""The command line, where no sandbox is needed."""

from pathlib import Path

import pytest

from linkerd_sandbox import __main__ as program


def run(directory: Path, *argv: str) -> int:
    return program.run(list(argv), {"LINKERD_SANDBOX_DIR": str(directory), "PATH": "/usr/bin"})


def test_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "status") == 1
    assert run(tmp_path, "down") == 0
    assert capsys.readouterr().out == "not running\nnot running\n"
    assert run(tmp_path, "kubectl", "get", "pods") == 1
    assert run(tmp_path, "logs", "web") == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "linkerd sandbox kubectl: the sandbox is not running: linkerd sandbox up"
    assert errors[1] == 'linkerd sandbox logs: no logs of a pod "web"'


def test_images_are_added_listed_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "state"
    assert run(directory, "image", "add", "me/app:1", "--", "python3", "-m", "app") == 0
    assert run(directory, "image", "list") == 0
    assert capsys.readouterr().out == "docker.io/me/app -- python3 -m app\n"
    assert run(directory, "image", "remove", "me/app") == 0
    assert run(directory, "image", "remove", "me/app") == 1


def test_logs_come_from_disk(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = tmp_path / "pods" / "shop_web-1_uid" / "app"
    folder.mkdir(parents=True)
    (folder / "0.log").write_text("2026-01-01T00:00:00Z stdout F old\n")
    (folder / "1.log").write_text("2026-01-01T00:00:00Z stdout F new\n")
    assert run(tmp_path, "logs", "web", "-n", "shop") == 0
    assert capsysbinary.readouterr().out == b"new\n"


def test_no_place_for_the_state(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["status"], {}) == 64
    assert "LINKERD_SANDBOX_DIR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--kube-apiserver", "/bin/true"], "--etcd PATH is missing: a real API server is two programs"),
        (["--etcd", "/bin/true"], "--kube-apiserver PATH is missing: a real API server is two programs"),
        (["--kube-apiserver", "/none", "--etcd", "/bin/true"], "--kube-apiserver /none: not a program that can be run"),
        (
            ["--kube-apiserver", "/bin/true", "--etcd", "/bin/true", "--ip-family", "dual"],
            "--ip-family dual: not with a real API server",
        ),
    ],
)
def test_a_real_api_server_is_two_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], why: str
) -> None:
    assert run(tmp_path, "up", *options) == 1
    assert capsys.readouterr().err == f"linkerd sandbox up: {why}\n"
