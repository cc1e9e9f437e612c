"""docker-bake.hcl, read as buildx reads it: matrices, inheritance, variables. No Docker is asked."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from linkerd_contract.version import VERSION

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/Dockerfile"))
Target = dict[str, Any]
Environment = Mapping[str, str]


class Bake:
    """The file with these variables in the environment."""

    def __init__(self, **environment: str) -> None:
        with (ROOT / "docker-bake.hcl").open() as file:
            read: dict[str, Any] = hcl2.load(file)
        variables = {name: text(block["default"], {}) for name, block in blocks(read, "variable")}
        assert set(environment) <= set(variables)
        self.variables = variables | environment
        self._targets: dict[str, Target] = {}
        self.groups = {name: [text(t, {}) for t in block["targets"]] for name, block in blocks(read, "group")}
        for name, block in blocks(read, "target"):
            self._expand(name, block)

    def _expand(self, name: str, block: Target) -> None:
        """One target, or one for each combination of its matrix, which is then a group under the block's name."""
        matrix: Mapping[str, list[str]] = block.pop("matrix", {})
        made = []
        for chosen in itertools.product(*matrix.values()):
            scope = self.variables | {key: text(value, {}) for key, value in zip(matrix, chosen, strict=True)}
            own = text(block["name"], scope) if matrix else name
            assert own not in self._targets, f"{own} twice"
            self._targets[own] = {key: evaluate(value, scope) for key, value in block.items() if key != "name"}
            made.append(own)
        if matrix:
            self.groups[name] = made

    def target(self, name: str) -> Target:
        """With what it inherits."""
        own = self._targets[name]
        merged: Target = {}
        for parent in own.get("inherits", []):
            merged |= self.target(parent)
        return merged | own

    def group(self, name: str) -> Iterator[str]:
        """The names of its targets, groups in it taken apart."""
        for member in self.groups[name]:
            if member in self.groups:
                yield from self.group(member)
            else:
                yield member


def blocks(read: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for labelled in read[kind]:
        ((name, block),) = labelled.items()
        yield text(name, {}), {key: value for key, value in block.items() if not key.startswith("__")}


def text(expression: str, scope: Environment) -> str:
    """A quoted string with `${NAME}` in it, or a bare name."""
    if not expression.startswith('"'):
        return scope[expression]
    return re.sub(r"\$\{(\w+)\}", lambda found: scope[found[1]], str(json.loads(expression)))


def evaluate(value: Any, scope: Environment) -> Any:
    """What the file uses of HCL's expressions; anything else fails the test."""
    if isinstance(value, list):
        return [evaluate(item, scope) for item in value]
    if isinstance(value, dict):
        keyed = {key if key.isidentifier() else text(key, scope): item for key, item in value.items()}
        return {key: evaluate(item, scope) for key, item in keyed.items()}
    if called := re.fullmatch(r"\$\{cached\((.+), (.+)\)\}", value):
        name, mode = (text(argument, scope) for argument in called.groups())
        return [f"type=registry,ref={scope['REGISTRY']}/{name}:cache{mode}"] if scope["CACHE"] else []
    return text(value, scope)


def images(*manifests: str) -> set[str]:
    """What the manifests of a folder name as `image:`."""
    found = set()
    for manifest in manifests:
        for file in (ROOT / manifest).rglob("*.y*ml"):
            for document in yaml.safe_load_all(file.read_text()):
                found |= set(named(document))
    return found


def named(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("image"), str):
            yield node["image"]
        for value in node.values():
            yield from named(value)
    elif isinstance(node, list):
        for value in node:
            yield from named(value)


def tags(bake: Bake, group: str) -> set[str]:
    return {tag for name in bake.group(group) for tag in bake.target(name)["tags"]}


def test_a_target_for_each_service_and_all_of_them_by_default() -> None:
    bake = Bake()
    default = list(bake.group("default"))
    assert set(SERVICES) <= set(default)
    assert len(default) == len(set(default))
    for name in (*default, *bake.group("release"), "e2e"):
        target = bake.target(name)
        assert (ROOT / target["dockerfile"]).is_file(), name
        assert len(target["tags"]) == 1
    for service in SERVICES:
        assert bake.target(service)["dockerfile"] == f"services/{service}/Dockerfile"


def test_every_image_of_the_manifests_is_built_under_its_name() -> None:
    wanted = images("deploy/kustomize", "examples/emojivoto")
    assert len(wanted) == len(SERVICES) - 1 + 4, "the proxy is the injector's to name"
    values = json.loads(yaml.safe_load((ROOT / "deploy/kustomize/base/config.yaml").read_text())["data"]["values"])
    sidecars = {f"{i['name']}:{i['version']}" for i in (values["proxy"]["image"], values["debugContainer"]["image"])}
    assert tags(Bake(), "default") == wanted | sidecars
    assert Bake().variables["TAG"] == VERSION


@pytest.mark.parametrize("group", ["default", "release"])
def test_tag_and_registry_name_every_image(group: str) -> None:
    for tag in tags(Bake(TAG="7", REGISTRY="example.org/mesh"), group):
        assert re.fullmatch(r"example\.org/mesh/[a-z-]+:7", tag)


def test_a_release_is_every_image_for_both_architectures_with_its_papers() -> None:
    bake = Bake(TAG="7")
    assert tags(bake, "release") == tags(bake, "default")
    for name in bake.group("release"):
        target = bake.target(name)
        image = name.removesuffix("-release")
        assert target["platforms"] == ["linux/amd64", "linux/arm64"]
        assert target["attest"] == ["type=provenance,mode=max", "type=sbom"]
        assert target["annotations"] == [
            f"index,manifest:org.opencontainers.image.title=linkerd-py {image}",
            "index,manifest:org.opencontainers.image.version=7",
            "index,manifest:org.opencontainers.image.licenses=Apache-2.0",
        ]


def test_images_say_what_they_are() -> None:
    for name in Bake(TAG="7").group("default"):
        assert Bake(TAG="7").target(name)["labels"] == {
            "org.opencontainers.image.title": "linkerd-py",
            "org.opencontainers.image.version": "7",
            "org.opencontainers.image.licenses": "Apache-2.0",
        }


def test_the_cache_is_kept_where_it_is_asked_for() -> None:
    without, kept = Bake().target("proxy"), Bake(CACHE="1", REGISTRY="r").target("proxy")
    assert (without["cache-from"], without["cache-to"]) == ([], [])
    assert kept["cache-from"] == ["type=registry,ref=r/proxy:cache"]
    assert kept["cache-to"] == ["type=registry,ref=r/proxy:cache,mode=max"]


def test_the_parts_of_emojivoto_are_one_dockerfile() -> None:
    bake = Bake()
    parts = {bake.target(name)["args"]["PART"] for name in bake.group("emojivoto")}
    assert parts == {"web", "emoji", "voting", "vote-bot"}
