"""`linkerd identity rotate` against an identity whose page changes as a rotation goes on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

from linkerd_cli import identity_rotate
from linkerd_cli.commands import COMMANDS, Command
from linkerd_contract import codec
from linkerd_contract.trust import (
    ANNOTATION_ROTATE_ANCHOR,
    ANNOTATION_ROTATE_ISSUER,
    TRUST_PATH,
    Certificate,
    Mode,
    Phase,
    TrustStatus,
)
from linkerd_runtime.process import serve

ROOTS = "/api/v1/namespaces/linkerd/configmaps/linkerd-identity-trust-roots"
OLD = Certificate("aa", "2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z")
NEW = Certificate("bb", "2027-01-01T00:00:00Z", "2037-01-01T00:00:00Z")


@dataclass
class Identity:
    """Its page, which moves on by one phase each time it is read after a request."""

    kube: Cluster
    mode: Mode = Mode.self_running
    deaf: bool = False
    phases: list[Phase] = field(default_factory=lambda: [Phase.published, Phase.switched, Phase.steady])

    def page(self) -> TrustStatus:
        annotations = self.kube.objects[ROOTS]["metadata"].get("annotations", {})
        issuer, anchor = annotations.get(ANNOTATION_ROTATE_ISSUER, ""), annotations.get(ANNOTATION_ROTATE_ANCHOR, "")
        if self.deaf:
            issuer = anchor = ""
        phase = Phase.steady
        if anchor and len(self.phases) > 0:
            phase = self.phases[0] if len(self.phases) == 1 else self.phases.pop(0)
        return TrustStatus(self.mode, phase, [OLD, NEW], NEW, answered_issuer=issuer, answered_anchor=anchor)


@pytest.fixture
async def identity(kube: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Identity]:
    monkeypatch.setitem(COMMANDS, "identity", Command("certificates of pods", "linkerd_cli.identity"))
    monkeypatch.setattr(identity_rotate, "_POLL_SECONDS", 0.01)
    kube.put(ROOTS, {"data": {}})
    kube.add_pod("linkerd", "identity-0", {"linkerd.io/control-plane-component": "identity"})
    state = Identity(kube)

    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=codec.encode(state.page()))

    app = web.Application()
    app.router.add_get(TRUST_PATH, page)
    runner = await serve(app, "127.0.0.1", 0)
    kube.forwards["identity-0", 9990] = runner.addresses[0][1]
    try:
        yield state
    finally:
        await runner.cleanup()


async def test_an_issuer(terminal: Terminal, identity: Identity, kube: Cluster) -> None:
    said = await terminal.linkerd("identity", "rotate", "--issuer", "--watch")
    assert (said.code, said.err) == (0, "")
    request = kube.objects[ROOTS]["metadata"]["annotations"][ANNOTATION_ROTATE_ISSUER]
    assert said.out.splitlines() == [
        f"rotation of the issuer asked for ({request})",
        "√ another issuer signs, valid until 2037-01-01T00:00:00Z",
    ]


async def test_an_anchor_phase_by_phase(terminal: Terminal, identity: Identity) -> None:
    said = await terminal.linkerd("identity", "rotate", "--anchor", "--watch")
    assert (said.code, said.err) == (0, "")
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == ["1/3", "2/3", "√"]


async def test_without_watch_it_only_asks(terminal: Terminal, identity: Identity) -> None:
    said = await terminal.linkerd("identity", "rotate", "--anchor")
    assert (said.code, len(said.out.splitlines())) == (0, 1)


async def test_given_trust_is_not_ours_to_rotate(terminal: Terminal, identity: Identity, kube: Cluster) -> None:
    identity.mode = Mode.given
    said = await terminal.linkerd("identity", "rotate", "--anchor")
    assert said.code == 1
    assert "rotate it where it comes from" in said.err
    assert "annotations" not in kube.objects[ROOTS]["metadata"]


async def test_an_identity_that_does_not_answer(
    terminal: Terminal, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity.deaf = True
    identity.phases = [Phase.steady]
    monkeypatch.setattr(identity_rotate, "_ANSWER_SECONDS", 0.2)
    said = await terminal.linkerd("identity", "rotate", "--anchor", "--watch")
    assert said.code == 1
    assert "identity has not taken it up" in said.err


async def test_no_control_plane(terminal: Terminal, kube: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "identity", Command("certificates of pods", "linkerd_cli.identity"))
    said = await terminal.linkerd("identity", "rotate", "--issuer")
    assert said.code == 1
    assert "identity is not running in namespace linkerd" in said.err
