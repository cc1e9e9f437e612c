"""What a wiretap on the pods' links sees: between meshed pods TLS and not a byte of what was said."""

import shutil

import pytest
from tests.e2e.capture import Capture, capturing, is_tls
from tests.e2e.cluster import Cluster
from tests.e2e.manifests import MESHED, PLAIN, PORTS

from linkerd_kube.objects import JsonObject

pytestmark = pytest.mark.root

MARKER = "e2e-marker-Zq7"


def talk(mesh: Cluster, client: tuple[str, str], server: tuple[str, str]) -> Capture:
    """A marker in a header, in bodies and in raw bytes, over every protocol, with a capture on the links."""
    if mesh.node_pid is None:
        pytest.skip("not a sandbox: whose network namespace the pods' links are in is not known")
    if shutil.which("nsenter") is None:
        pytest.skip("no nsenter (util-linux) on this machine")
    pods: list[JsonObject] = [mesh.pod(*client), mesh.pod(*server)]
    host = f"{server[1]}.{server[0]}"
    request: JsonObject = {"host": host, "headers": {"x-marker": MARKER}, "path": f"/{MARKER}", "body": MARKER}
    with capturing(mesh.node_pid, {pod["status"]["podIP"] for pod in pods}) as captured:
        for protocol in ("http1", "http2"):
            said = mesh.ask(*client, protocol, port=PORTS[protocol], **request)
            assert said.get("status") == 200, said
        said = mesh.ask(*client, "greeting", host=host, port=PORTS["greeting"], send=MARKER)
        assert MARKER in said.get("second", ""), said
        said = mesh.ask(*client, "half_close", host=host, port=PORTS["echo"], send=f"\0{MARKER}")
        assert MARKER in said.get("received", ""), said
    return captured


def test_between_meshed_pods_only_tls(mesh: Cluster) -> None:
    captured = talk(mesh, (MESHED, "client"), (MESHED, "open"))
    assert len(captured.streams) >= 4
    for source, target, stream in captured.streams:
        assert is_tls(stream), (source, target, stream[:200])
        assert MARKER.encode() not in stream
        assert b"x-marker" not in stream
    server_name = f"default.{MESHED}.serviceaccount.identity.linkerd.cluster.local".encode()
    assert any(server_name in stream for _, _, stream in captured.streams), "a ClientHello names the server's identity"


def test_between_unmeshed_pods_everything(mesh: Cluster) -> None:
    """That the capture sees what is there to be seen."""
    captured = talk(mesh, (PLAIN, "plain"), (PLAIN, "other"))
    for name in ("http1", "http2", "greeting", "echo"):
        (stream,) = (s for _, target, s in captured.streams if target.endswith(f":{PORTS[name]}"))
        assert MARKER.encode() in stream, name
        assert not is_tls(stream)
