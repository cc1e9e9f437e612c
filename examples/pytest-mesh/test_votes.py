"""An application's own tests on a real mesh: is the traffic secured, are failures retried, are strangers kept out?

`voting` and `web` below are the application; any command would do in their place. docs/testing.md explains.
"""

import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from linkerd_sandbox.testing.mesh import Mesh


def serve(answer: "type[BaseHTTPRequestHandler]") -> None:
    """Until the pod is ended."""
    ThreadingHTTPServer(("", int(os.environ["PORT"])), answer).serve_forever()


def voting() -> None:
    """Counts votes; every second POST fails, as a busy service's do."""

    class Votes(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self) -> None:
            self.send(200, b"votes")

        def do_POST(self) -> None:
            Votes.asked += 1
            self.send(503 if Votes.asked % 2 else 200, b"voted")

        def send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    serve(Votes)


def web() -> None:
    """Asks voting."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with urllib.request.urlopen("http://voting:8080/", timeout=10) as response:
                body = b"page of " + response.read()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    serve(Page)


def test_calls_are_secured(mesh: Mesh) -> None:
    votes, page, client = mesh.deploy("voting", voting), mesh.deploy("web", web), mesh.client()
    with mesh.expect_mtls(client, page), mesh.expect_mtls(page, votes):
        assert client.get("http://web:8080/").body == "page of votes"


RETRIES = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata:
  name: voting.{namespace}.svc.cluster.local
spec:
  routes:
    - name: vote
      condition: {{method: POST, pathRegex: /vote}}
      isRetryable: true
"""


def test_failures_are_retried(mesh: Mesh) -> None:
    votes, client = mesh.deploy("voting", voting), mesh.client()
    assert client.request("POST", "http://voting:8080/vote").status == 503
    mesh.apply(RETRIES.format(namespace=mesh.namespace))
    mesh.until(lambda: client.request("POST", "http://voting:8080/vote").status == 200, "the profile is in force")
    with mesh.expect_retries(client, votes):
        answers = [client.request("POST", "http://voting:8080/vote") for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]


def test_strangers_are_kept_out(mesh: Mesh) -> None:
    strict = {"config.linkerd.io/default-inbound-policy": "all-authenticated"}
    votes = mesh.deploy("voting", voting, annotations=strict)
    friend, stranger = mesh.client("friend"), mesh.client("stranger", meshed=False)
    with mesh.expect_denial(votes):
        assert stranger.get("http://voting:8080/").status == 403
    assert friend.get("http://voting:8080/").status == 200
