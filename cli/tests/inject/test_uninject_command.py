"""`linkerd uninject`, typed."""

from cli.tests.terminal import Terminal

MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - image: x
        name: web
---
"""


async def test_undoes_inject(terminal: Terminal) -> None:
    injected = await terminal.linkerd("inject", "-", stdin=MANIFEST)
    assert injected.out != MANIFEST
    said = await terminal.linkerd("uninject", "-", stdin=injected.out)
    assert (said.code, said.out, said.err) == (0, MANIFEST, '\ndeployment "web" uninjected\n\n')


async def test_nothing_to_undo(terminal: Terminal) -> None:
    said = await terminal.linkerd("uninject", "-", stdin=MANIFEST)
    assert (said.code, said.out, said.err) == (0, MANIFEST, '\ndeployment "web" skipped\n\n')


async def test_an_object_that_is_none(terminal: Terminal) -> None:
    said = await terminal.linkerd("uninject", "-", stdin="kind: Pod\nmetadata: {name: a}\nspec: {containers: 7}\n")
    assert (said.code, said.out) == (1, "")
    assert said.err == ("Error transforming resources:\nfailed to uninject pod/a: spec.containers: must be a list\n")
