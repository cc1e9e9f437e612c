"""A developer's own services, meshed: the programs that docs/sandbox.md shows, run as it says."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.cluster import Cluster, sample, until
from tests.e2e.manifests import MESHED

pytestmark = pytest.mark.root

SPACE = "own"
PAGE = Path(__file__).parents[2] / "docs/sandbox.md"


def shown(name: str) -> str:
    """A program as the page has it, between `cat > NAME <<'EOF'` and EOF."""
    found = re.search(rf"^cat > {re.escape(name)} <<'EOF'\n(.*?)^EOF$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None, f"{PAGE.name} does not show {name}"
    return found[1]


@pytest.fixture
def space(mesh: Cluster) -> Iterator[str]:
    """A namespace that ends with the test: idle services have no success rate, which other tests ask of all."""
    if mesh.directory is None:
        pytest.skip("image names stand for programs of this machine on a sandbox only")
    mesh.run("kubectl", "create", "namespace", SPACE)
    yield SPACE
    mesh.run("kubectl", "delete", "namespace", SPACE, "--timeout=60s")


@pytest.mark.usefixtures("space")
def test_an_aiohttp_and_a_grpcio_service_are_meshed(mesh: Cluster, tmp_path: Path) -> None:
    for name, port, target in (("hello", "80", "8080"), ("greeter", "50051", "50051")):
        (tmp_path / f"{name}.py").write_text(shown(f"{name}.py"))
        where = ("--venv", sys.prefix, "--source", str(tmp_path))
        mesh.run("linkerd", "sandbox", "image", "add", name, *where, "--", "python", f"{name}.py")
        mesh.run("kubectl", "create", "deployment", name, f"--image={name}", f"--port={target}", "-n", SPACE)
        words = (f"--port={port}", f"--target-port={target}", "-n", SPACE)
        mesh.run("kubectl", "expose", "deployment", name, *words)
    inject = f"kubectl get deployment hello greeter -n {SPACE} -o yaml | linkerd inject - | kubectl apply -f -"
    mesh.run("sh", "-c", inject)
    mesh.await_available(SPACE, "hello", "greeter")
    ask = {"host": f"hello.{SPACE}", "port": 80}
    until(lambda: mesh.ask(MESHED, "client", "http1", **ask).get("status") == 200, 60, "hello answers")
    call = (
        f"import grpc; call = grpc.insecure_channel('greeter.{SPACE}:50051').unary_unary('/hello.Greeter/Hello');"
        "print(call(b'you', timeout=10).decode())"
    )
    peer = ("kubectl", "exec", "-n", MESHED, "deploy/client", "-c", "peer", "--")
    said = until(lambda: mesh.run(*peer, sys.executable, "-c", call, check=False).stdout, 60, "the greeter answers")
    assert said == "hello you\n"
    for name in ("hello", "greeter"):
        lines = mesh.proxy_metrics(SPACE, name)
        assert sample(lines, "request_total", direction="inbound", tls="true") > 0, f"{name} is not secured"
