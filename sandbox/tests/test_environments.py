"""What an image made of a virtual environment sees."""

from pathlib import Path

import pytest

from linkerd_sandbox.environments import BadEnvironment, base_of, describe


def an_environment(path: Path, home: str) -> Path:
    path.mkdir()
    (path / "pyvenv.cfg").write_text(f"home = {home}\nversion = 3.11.2\n")
    return path


def test_an_environment_with_its_python_its_checkouts_and_the_source(tmp_path: Path) -> None:
    base = tmp_path / "python"
    venv = an_environment(tmp_path / "venv", str(base / "bin"))
    packages, checkout, source = venv / "lib/python3.11/site-packages", tmp_path / "checkout", tmp_path / "source"
    for path in (packages, base / "bin", checkout / ".git", checkout / "src", source):
        path.mkdir(parents=True)
    (packages / "mine.pth").write_text(f"{checkout / 'src'}\n")
    found = describe(["python", "main.py"], venv, source)
    assert found["binds"] == sorted(map(str, (base, checkout, source, venv)))
    assert (found["path"], found["directory"]) == (str(venv / "bin"), str(source))


def test_a_system_python_is_there_already(tmp_path: Path) -> None:
    venv = an_environment(tmp_path / "venv", "/usr/bin")
    assert base_of(venv) == Path("/usr")
    assert describe(["x"], venv, None)["binds"] == [str(venv)]
    assert describe(["x"], None, None) == {"command": ["x"], "path": "", "directory": "", "binds": []}


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadEnvironment, match="is no virtual environment"):
        describe(["x"], tmp_path, None)
    with pytest.raises(BadEnvironment, match="is not a folder"):
        describe(["x"], None, tmp_path / "none")
