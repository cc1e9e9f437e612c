"""The cluster's network beyond one family: IPv6 beside IPv4, and clients that stay with their pod."""

import json
from collections.abc import Iterator

import pytest
from sandbox.tests.sandboxes import Sandbox, container, pod, service, started, until

from linkerd_kube.objects import JsonObject

pytestmark = pytest.mark.root

SERVER = """
import http.server, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (socket.gethostname() + chr(10)).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
Server(("::", 8080), Handler).serve_forever()
"""
REDIRECTED = """
import socket, struct
listener = socket.create_server(("::", 4143), family=socket.AF_INET6)
while True:
    peer, _ = listener.accept()
    raw = peer.getsockopt(socket.IPPROTO_IPV6, 80, 28)  # IP6T_SO_ORIGINAL_DST
    port = struct.unpack_from("!H", raw, 2)[0]
    text = f"[{socket.inet_ntop(socket.AF_INET6, raw[8:24])}]:{port}"
    peer.recv(4096)
    peer.sendall(f"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n{text}".encode())
    peer.close()
"""
ALL = {"web-0", "web-1", "web-2"}


@pytest.fixture(scope="module")
def dual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    one = started(tmp_path_factory.mktemp("dual") / "state", "--ip-family", "dual")
    try:
        server = {
            "name": "web",
            "image": "python:3.11",
            "command": ["python3", "-c", SERVER],
            "ports": [{"containerPort": 8080, "name": "http"}],
            "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        }
        port = {"port": 80, "targetPort": "http"}
        spec = {"selector": {"tier": "web"}, "ports": [port]}
        pods = [pod(f"web-{number}", server) for number in range(3)]
        for each in pods:
            each["metadata"]["labels"]["tier"] = "web"
        one.apply(
            [
                *pods,
                pod("client", container("c", "exec sleep 1000")),
                service("plain", spec),
                service("both", spec | {"ipFamilyPolicy": "PreferDualStack"}),
                service("six", spec | {"ipFamilies": ["IPv6"]}),
                service("peers", spec | {"ipFamilyPolicy": "RequireDualStack", "clusterIP": "None"}),
                service("sticky", spec | {"sessionAffinity": "ClientIP", "ipFamilyPolicy": "PreferDualStack"}),
                service("nobody", {"selector": {"app": "nobody"}, "ports": [port], "ipFamilies": ["IPv6"]}),
            ]
        )
        one.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "pod", "--all")
        for name, family in (("both", "-4"), ("both", "-6"), ("six", "-6")):
            # The network follows a moment later.
            until(lambda on=(name, 30, family): set(asked(one, *on)) == ALL, 60, f"all answer for {name} {family}")  # type: ignore[misc]
        yield one
    finally:
        one.run("down")


def run(sandbox: Sandbox, script: str, name: str = "client") -> str:
    return sandbox.kubectl("exec", name, "--", "sh", "-c", script).stdout


def asked(sandbox: Sandbox, host: str, times: int = 12, family: str = "-4") -> list[str]:
    """Which pods answered."""
    command = f"for n in $(seq {times}); do curl -sS {family} -m 30 http://{host}/; done"
    return run(sandbox, command).split()


def addresses(sandbox: Sandbox, name: str) -> list[str]:
    return [one["ip"] for one in sandbox.get("pod", name)["status"]["podIPs"]]


def test_services_and_pods_have_both_families(dual: Sandbox) -> None:
    assert [":" in ip for ip in addresses(dual, "web-0")] == [False, True]
    assert dual.get("service", "plain")["spec"]["ipFamilies"] == ["IPv4"], "one family unless asked for"
    slices = json.loads(dual.kubectl("get", "endpointslices", "-o", "json").stdout)["items"]
    families = sorted(one["addressType"] for one in slices if one["metadata"]["name"].startswith("both-"))
    assert families == ["IPv4", "IPv6"]
    for family in ("-4", "-6"):
        until(lambda family=family: set(asked(dual, "both", 30, family)) == ALL, 60, f"all answer {family}")  # type: ignore[misc]
    assert len(asked(dual, "six", 1, "-6")) == 1
    assert run(dual, "getent ahostsv6 six | head -1").startswith("fd00:10:43::")
    assert run(dual, "getent ahostsv6 peers | grep -c STREAM") == "3\n"
    refused = "curl -sS -6 -m 30 http://nobody/ 2>/dev/null; echo $?"
    assert run(dual, refused) == "7\n", "refused at once"


def test_a_pod_reaches_itself_through_its_ipv6_service(dual: Sandbox) -> None:
    script = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://six/\").read().decode())'"
    until(lambda: "web-1" in run(dual, script, "web-1"), 60, "its turn comes")


def test_the_dns_of_the_cluster_answers_over_both(dual: Sandbox) -> None:
    ask = (
        "import socket; s=socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.settimeout(30);"
        "s.sendto(bytes.fromhex('0001010000010000000000000373697807646566617"
        "56c740373766307636c7573746572056c6f63616c00001c0001'), ('fd00:10:43::a', 53));"
        "print(socket.inet_ntop(socket.AF_INET6, s.recv(512)[-16:]))"
    )
    assert run(dual, f'python3 -c "{ask}"').startswith("fd00:10:43::")


def test_clients_stay_with_their_pod_until_it_goes(dual: Sandbox) -> None:
    for family in ("-4", "-6"):
        (first,) = set(asked(dual, "sticky", 10, family))
        dual.kubectl("label", "pod", "client", f"touched{family}=yes")
        dual.kubectl("create", "service", "clusterip", f"other{family[1]}", "--tcp=80")  # the rules are written anew
        assert set(asked(dual, "sticky", 10, family)) == {first}
    dual.kubectl("label", "pod", first, "tier-")
    until(lambda: first not in asked(dual, "sticky", 3, "-6"), 60, "it serves no more")
    (second,) = set(asked(dual, "sticky", 10, "-6"))
    dual.kubectl("label", "pod", first, "tier=web")
    assert set(asked(dual, "sticky", 10, "-6")) == {second}, "the client does not go back"


def test_the_mesh_s_init_step_redirects_ipv6(dual: Sandbox) -> None:
    init: JsonObject = {
        "name": "init",
        "image": "ghcr.io/linkerd-py/proxy:x",
        "command": ["/usr/lib/linkerd/linkerd2-proxy-init"],
        "args": ["--proxy-uid", "2102", "--ipv6=true"],
        "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}, "runAsUser": 0},
    }
    proxy = {"name": "proxy", "image": "python:3.11", "command": ["python3", "-c", REDIRECTED]}
    dual.apply(pod("meshed", proxy | {"securityContext": {"runAsUser": 2102}}, initContainers=[init]))
    dual.wait("condition=Ready", "pod/meshed")
    _, six = addresses(dual, "meshed")
    ask = f"curl -sS -m 5 http://[{six}]:8080/"
    until(lambda: dual.kubectl("exec", "client", "--", "sh", "-c", ask, check=False).returncode == 0, 60, "it listens")
    assert run(dual, ask) == f"[{six}]:8080"
