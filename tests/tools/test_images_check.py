"""`make images-check`: which images, and that it finds what it looks for. Nothing is built here."""

import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tools.test_bake import SERVICES, Bake
from tools.images_check import IMAGES, Builder, Trial, look, main

ROOT = Path(__file__).parents[2]
PROXY = IMAGES["proxy"]


def test_every_image_of_the_bake_file_is_looked_at() -> None:
    bake = Bake()
    assert set(IMAGES) == set(bake.group("default"))
    for name, expected in IMAGES.items():
        target = bake.target(name)
        assert (expected.dockerfile, expected.part) == (target["dockerfile"], target.get("args", {}).get("PART", ""))


@pytest.mark.parametrize("service", SERVICES)
def test_every_program_of_a_service_is_asked_for(service: str) -> None:
    declared = tomllib.loads((ROOT / f"services/{service}/pyproject.toml").read_text())["project"]["scripts"]
    expected = IMAGES[service]
    asked = {Path(command).name for command in (*(t.command for t in expected.trials), *expected.commands)}
    # The proxy's have Linkerd's names.
    named = {name.replace("linkerd-proxy", "linkerd2-proxy") if service == "proxy" else name for name in declared}
    assert named <= asked


class Built(Builder):
    """An image of these files; its programs do as they are told."""

    user = PROXY.user
    entrypoint = list(PROXY.entrypoint)
    code = 64
    said = "LINKERD2_PROXY_IDENTITY_DIR: not set"
    post_quantum = 0

    def configuration(self, container: str) -> tuple[str, list[str]]:
        return self.user, self.entrypoint

    def inside(self, container: str, *command: str) -> subprocess.CompletedProcess[str]:
        if command[0] == PROXY.python:
            return subprocess.CompletedProcess(command, self.post_quantum, "", "")
        return subprocess.CompletedProcess(command, self.code, "", self.said)


@pytest.fixture
def built(tmp_path: Path) -> Built:
    for command in PROXY.commands:
        file = tmp_path / command[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    return Built(tmp_path)


def test_what_is_as_it_must_be(built: Built, tmp_path: Path) -> None:
    wrong, size = look(built, "c", tmp_path, PROXY)
    assert wrong == []
    assert 0 < size < 0.1


def put(path: str) -> Callable[[Built, Path], None]:
    def into(built: Built, files: Path) -> None:
        (files / path).parent.mkdir(parents=True, exist_ok=True)
        (files / path).write_text("")

    return into


def setting(**values: object) -> Callable[[Built, Path], None]:
    def into(built: Built, files: Path) -> None:
        for name, value in values.items():
            setattr(built, name, value)

    return into


@pytest.mark.parametrize(
    ("breakage", "told"),
    [
        (setting(user="0"), "its user is '0', not 2102:2102"),
        (setting(entrypoint=["sh"]), "its entry point is ['sh'], not ['/usr/lib/linkerd/linkerd2-proxy']"),
        (setting(code=0), "it exited with 0"),
        (setting(said="Traceback"), "did not exit with 64 and say 'LINKERD2_PROXY_IDENTITY_DIR: not set'"),
        (setting(post_quantum=1), "X25519MLKEM768 is not offered"),
        (put("opt/linkerd/bin/pip"), "opt/linkerd/bin/pip is in it"),
        (put("usr/bin/gcc"), "usr/bin/gcc is in it"),
        (put("build/wheels"), "/build of the first stage is in it"),
        (lambda built, files: (files / "usr/sbin/iptables-nft").unlink(), "/usr/sbin/iptables-nft is missing"),
    ],
)
def test_what_is_wrong_is_found(
    built: Built, tmp_path: Path, breakage: Callable[[Built, Path], None], told: str
) -> None:
    breakage(built, tmp_path)
    (wrong,) = look(built, "c", tmp_path, PROXY)[0]
    assert told in wrong


def test_an_image_that_is_too_large(built: Built, tmp_path: Path) -> None:
    (wrong,) = look(built, "c", tmp_path, replace(PROXY, most_megabytes=0.00001))[0]
    assert "MB compressed, more than 1e-05" in wrong


def test_every_program_is_run(built: Built, tmp_path: Path) -> None:
    wrong, _ = look(built, "c", tmp_path, replace(PROXY, trials=(*PROXY.trials, Trial("/another"))))
    assert [line.split()[0] for line in wrong] == ["/another"]


def test_an_image_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["web"]) == 2
    assert capsys.readouterr().err.startswith("no such image: web; there are proxy, identity, ")
