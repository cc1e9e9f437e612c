"""The services' Dockerfiles, as text: one shape, the libraries that each service needs and no other. What comes out of
them is looked at by `make images-check`."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "services").glob("*/Dockerfile"))
PLACES = {
    path.parent.relative_to(ROOT).as_posix(): path
    for folder in ("libs", "services")
    for path in (ROOT / folder).glob("*/pyproject.toml")
}
"""Distributions by their folder."""
OWN_PACKAGES = {"proxy": {"iptables", "nftables"}}
"""Debian packages that a final image has beside python3."""
USERS = {"proxy": "2102:2102"}


def declared(place: str) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(PLACES[place].read_text())["project"]
    return project


def needed(place: str) -> set[str]:
    """The folders of a distribution and of those of ours that it depends on, itself included."""
    by_name = {declared(p)["name"]: p for p in PLACES}
    found = {place}
    for requirement in declared(place)["dependencies"]:
        name = re.split(r"[^\w-]", requirement)[0]
        if name in by_name:
            found |= needed(by_name[name])
    return found


def stages(file: Path) -> list[str]:
    """The text of each stage, from its FROM on, comments left out, continued lines joined."""
    text = re.sub(r"^#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_the_libraries_that_the_service_needs_are_built_and_no_other(file: Path) -> None:
    build, _ = stages(file)
    copied = re.findall(r"^COPY (\S+) \1$", build, re.MULTILINE)
    (wheels,) = re.findall(r"pip wheel .* -w wheels +(.*)", build)
    assert set(copied) == needed(f"services/{file.parent.name}")
    assert [f"./{place}" for place in copied] == wheels.split()


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_the_final_stage_has_python_and_the_environment_and_runs_as_nobody(file: Path) -> None:
    _, final = stages(file)
    service = file.parent.name
    (installed,) = re.findall(r"apt-get install -y --no-install-recommends ([^&]*)", final)
    assert set(installed.split()) == {"python3"} | OWN_PACKAGES.get(service, set())
    assert "rm -rf /var/lib/apt/lists/*" in final
    assert re.findall(r"^COPY .*$", final, re.MULTILINE) == ["COPY --from=build /opt/linkerd /opt/linkerd"]
    assert re.findall(r"^USER (.*)$", final, re.MULTILINE) == [USERS.get(service, "2103:2103")]
    (entry,) = re.findall(r'^ENTRYPOINT \["(.*)"\]$', final, re.MULTILINE)
    script = re.search(rf"ln -s (\S+) {entry}", final)
    assert Path(script[1] if script else entry).name in declared(f"services/{service}")["scripts"]


def test_one_shape() -> None:
    """A change to one of them is a change to all: what may differ is taken out, the rest is equal."""
    shapes = {shape(file) for file in DOCKERFILES}
    assert len(shapes) == 1, "\n=====\n".join(sorted(shapes))


def shape(file: Path) -> str:
    text = file.read_text()
    text = re.sub(r"^COPY (libs|services)/.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^( +\./\S+)+ *\n", "", text.replace(" \\\n    ./", "\n ./"), flags=re.MULTILINE)
    text = re.sub(r"^RUN mkdir -p /usr/lib/linkerd(.*\\\n)*.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(USER|ENTRYPOINT) .*", r"\1", text, flags=re.MULTILINE)
    return text.replace("iptables nftables python3", "python3")


def test_everything_on_one_base_that_can_be_another() -> None:
    """A mirror, a digest: `--build-arg BASE=…`."""
    files = [*DOCKERFILES, *(ROOT / f / "Dockerfile" for f in ("deploy/debug", "examples/emojivoto", "tests/e2e"))]
    for file in files:
        text = file.read_text()
        assert re.findall(r"^ARG BASE=(.*)$", text, re.MULTILINE) == ["docker.io/library/debian:trixie-slim"], file
        assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${BASE}"}, file


def test_pip_takes_wheels_of_the_lock() -> None:
    """No version is chosen, and no compiler asked, while an image is built."""
    for file in [*DOCKERFILES, ROOT / "examples/emojivoto/Dockerfile", ROOT / "tests/e2e/Dockerfile"]:
        for command in re.findall(r"pip (?:--python \S+ )?install [^&\n]*", file.read_text().replace("\\\n", " ")):
            assert "-c constraints.txt" in command, f"{file}: {command}"
