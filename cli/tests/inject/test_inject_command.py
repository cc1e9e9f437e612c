"""`linkerd inject`, typed."""

import pytest
import yaml
from aiohttp import web
from cli.tests.terminal import Terminal

from linkerd_runtime.process import serve

MANIFEST = """# the application
apiVersion: v1
kind: Service
metadata: {name: web-svc}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - {name: web, image: "x:1", env: [{name: A, value: "1e3"}]}
"""


async def test_stdin(terminal: Terminal) -> None:
    said = await terminal.linkerd("inject", "-", stdin=MANIFEST)
    assert said.code == 0
    assert (
        said.out
        == """# the application
apiVersion: v1
kind: Service
metadata: {name: web-svc}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    metadata:
      annotations:
        linkerd.io/inject: enabled
    spec:
      containers:
      - env:
        - name: A
          value: '1e3'
        image: x:1
        name: web
---
"""
    )
    assert said.err == '\nservice "web-svc" skipped\ndeployment "web" injected\n\n'


async def test_a_list_of_kubectl(terminal: Terminal) -> None:
    deployment = list(yaml.safe_load_all(MANIFEST))[1]
    listed = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [deployment], "metadata": {}})
    said = await terminal.linkerd("inject", "-", stdin=listed)
    item = next(yaml.safe_load_all(said.out))["items"][0]
    assert item["spec"]["template"]["metadata"]["annotations"] == {"linkerd.io/inject": "enabled"}
    assert said.err == '\ndeployment "web" injected\n\n'


async def test_a_file_of_windows(terminal: Terminal) -> None:
    (terminal.directory / "m.yml").write_bytes(MANIFEST.replace("\n", "\r\n").encode())
    said = await terminal.linkerd("inject", "--ingress", "-o", "json", "m.yml")
    assert '"linkerd.io/inject": "ingress"' in said.out
    assert "\\r" not in said.out


async def test_what_cannot_be_injected_prints_no_manifest(terminal: Terminal) -> None:
    bad = MANIFEST.replace("    spec:\n", "    spec:\n      hostNetwork: true\n")
    said = await terminal.linkerd("inject", "-", stdin=bad)
    assert (said.code, said.out) == (1, "")
    assert said.err == "Error transforming resources:\nfailed to inject deployment/web: hostNetwork is enabled\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (["none.yml"], "", "none.yml: No such file or directory"),
        (["-"], "a: 1\n---\nb: [1\nc: 2\n", "stdin:4:2: did not find expected ',' or ']'"),
        (["-", "--proxy-uid", "x"], "", "--proxy-uid: 'x' is not a whole number from 1 to 2147483647"),
        (["-", "--registry", "a", "--proxy-image", "b/c"], "", "--registry contradicts --proxy-image"),
        (["-", "--identity-trust-anchors-file", "x"], "", "--identity-trust-anchors-file needs --manual and"),
        (["-", "-o", "xml"], "", "argument -o/--output: invalid choice: 'xml' (choose from 'yaml', 'json')"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, arguments: list[str], stdin: str, told: str) -> None:
    said = await terminal.linkerd("inject", *arguments, stdin=stdin)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1


async def test_nothing_in_is_nothing_out(terminal: Terminal) -> None:
    said = await terminal.linkerd("inject", "-", stdin="")
    assert (said.code, said.out) == (0, "")


async def test_a_url(terminal: Terminal) -> None:
    async def manifest(_request: web.Request) -> web.Response:
        return web.Response(body=MANIFEST.encode())

    app = web.Application()
    app.router.add_get("/m.yml", manifest)
    runner = await serve(app, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        said = await terminal.linkerd("inject", f"{url}/m.yml")
        assert (said.code, said.err) == (0, '\nservice "web-svc" skipped\ndeployment "web" injected\n\n')
        said = await terminal.linkerd("inject", f"{url}/none")
        assert (said.code, said.out, said.err) == (1, "", f"Error: {url}/none: HTTP Error 404: Not Found\n")
    finally:
        await runner.cleanup()


async def test_ignoring_the_cluster_is_no_error_where_nothing_is_asked(terminal: Terminal) -> None:
    said = await terminal.linkerd("inject", "--ignore-cluster", "--registry", "example.org/l5d/", "-", stdin=MANIFEST)
    assert said.code == 0
    assert "config.linkerd.io/proxy-image: example.org/l5d/proxy\n" in said.out
