""".github/workflows: what a hosted runner would be asked, read as data. It was not run: docs/tested.md."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS: dict[str, dict[Any, Any]] = {
    file.name: yaml.safe_load(file.read_text()) for file in sorted((ROOT / ".github/workflows").glob("*.yml"))
}
JOBS = [pytest.param(job, id=f"{file} {name}") for file, w in WORKFLOWS.items() for name, job in w["jobs"].items()]


def test_everything_that_a_change_must_pass_is_run() -> None:
    run = [step.get("run", "") for job in WORKFLOWS["ci.yml"]["jobs"].values() for step in job["steps"]]
    for command in ("make lint", "make test", "make e2e CLUSTER=kind", "docker buildx bake --load"):
        assert command in run
    assert WORKFLOWS["ci.yml"][True].keys() == {"push", "pull_request"}, "YAML reads `on` as true"


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=list(WORKFLOWS))
def test_it_may_read_and_nothing_else(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert "secrets" not in str(job)


@pytest.mark.parametrize("job", JOBS)
def test_a_job_ends_and_is_the_same_tomorrow(job: dict[str, Any]) -> None:
    assert job["timeout-minutes"] <= 90
    assert re.fullmatch(r"ubuntu-\d\d\.\d\d", job["runs-on"]), "not latest"
    for step in job["steps"]:
        if action := step.get("uses"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+(\.\d+)*|[0-9a-f]{40})", action)
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("job", JOBS)
def test_every_target_of_make_is_one(job: dict[str, Any]) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for step in job["steps"]:
        if step.get("run", "").startswith("make "):
            assert step["run"].split()[1] in targets
