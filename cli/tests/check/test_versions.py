"""Versions: the release URL, the control plane."""

import json
from typing import Any

import pytest
from aiohttp import web
from cli.tests.check.asking import problems_of
from cli.tests.check.mesh import control_plane
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

from linkerd_runtime.process import serve


def _meshed_control_plane(kube: Cluster) -> None:
    kube.objects["/api/v1/namespaces/linkerd/pods/linkerd-identity-1"]["spec"]["containers"] = [
        {"name": "linkerd-proxy"}
    ]


def _old_control_plane(kube: Cluster) -> None:
    config = kube.objects["/api/v1/namespaces/linkerd/configmaps/linkerd-config"]
    values = json.loads(config["data"]["values"])
    config["data"]["values"] = json.dumps(values | {"linkerdVersion": "0.0.1"})


@pytest.mark.parametrize(
    ("breakage", "check", "told"),
    [
        (
            _meshed_control_plane,
            "control plane pods carry no proxy: they terminate TLS themselves",
            "pods that have a proxy: linkerd-identity-1",
        ),
    ],
)
async def test_a_broken_one_names_the_cause(
    terminal: Terminal, kube: Cluster, breakage: Any, check: str, told: str
) -> None:
    control_plane(kube)
    breakage(kube)
    problems = await problems_of(terminal)
    assert list(problems) == [check]
    assert told in problems[check]


@pytest.mark.parametrize(
    ("breakage", "check", "told"),
    [
        (_old_control_plane, "control plane and cli versions match", "control plane running 0.0.1 but cli running"),
    ],
)
async def test_warnings_fail_nothing(terminal: Terminal, kube: Cluster, breakage: Any, check: str, told: str) -> None:
    control_plane(kube)
    breakage(kube)
    problems = await problems_of(terminal)
    assert told in problems[check]
    assert (await terminal.linkerd("check", "-o", "short")).out.endswith("\nStatus check results are √\n")


@pytest.mark.parametrize(
    ("answer", "status", "problems"),
    [
        ('{"stable": "0.1.0"}', 200, {}),
        ('{"stable": "9.9.9"}', 200, {"cli is up-to-date": "is running version 0.1.0 but the latest version is 9.9.9"}),
        ("{}", 200, {"can determine the latest version": "no version under the key `stable`"}),
        ("frog", 200, {"can determine the latest version": "Expecting value"}),
        ("{}", 404, {"can determine the latest version": "404"}),
    ],
)
async def test_the_latest_version_is_what_the_release_url_says(
    terminal: Terminal, kube: Cluster, answer: str, status: int, problems: dict[str, str]
) -> None:
    async def latest(_request: web.Request) -> web.Response:
        return web.Response(text=answer, status=status)

    app = web.Application()
    app.router.add_get("/latest", latest)
    runner = await serve(app, "127.0.0.1", 0)
    try:
        terminal.environment["LINKERD_RELEASE_URL"] = f"http://127.0.0.1:{runner.addresses[0][1]}/latest"
        said = await terminal.linkerd("check", "--pre", "-o", "json")
    finally:
        await runner.cleanup()
    assert said.code == 0
    checks = json.loads(said.out)["categories"][-1]["checks"]
    found = {check["description"]: check["error"] for check in checks if check["result"] != "success"}
    assert list(found) == list(problems)
    assert all(told in found[name] for name, told in problems.items())


async def test_an_expected_version_takes_the_release_urls_place(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    said = await terminal.linkerd("check", "--wait", "0", "--expected-version", "9.9.9", "-o", "short")
    assert said.code == 0
    assert "is running version 0.1.0 but the latest version is 9.9.9" in said.out
    assert "can determine the latest version" not in said.out
