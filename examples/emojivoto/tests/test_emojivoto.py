"""The application as a whole over real sockets, without a mesh: HTTP in, gRPC behind it."""

from __future__ import annotations

import asyncio
import http.client
import http.server
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import grpc
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from emojivoto import emoji, vote_bot, voting, web
from emojivoto.emojis import EMOJIS, method

PROTO = Path(__file__).parent.parent / "proto"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async def serve(handler: grpc.GenericRpcHandler[Any, Any]) -> tuple[grpc.aio.Server, str]:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, f"127.0.0.1:{port}"

    emojis, emoji_address = await serve(emoji.handler())
    votes, voting_address = await serve(voting.Poll(1.0, 0.0, 0.0).handler())
    site = TestServer(web.build(emoji_address, voting_address, version="v1"))
    await site.start_server()
    yield str(site.make_url(""))
    await site.close()
    await asyncio.gather(emojis.stop(None), votes.stop(None))


async def test_votes_are_counted_and_the_doughnut_fails(address: str) -> None:
    async with ClientSession(address) as session:
        async with session.get("/api/list") as answer:
            emojis = await answer.json()
            assert answer.headers["X-Web-Version"] == "v1"
        assert len(emojis) == 100
        assert {"shortcode": ":doughnut:", "unicode": "🍩"} in emojis
        for choice, status in (
            (":taco:", 200),
            (":taco:", 200),
            (":ghost:", 200),
            (":doughnut:", 500),
            (":nothing:", 400),
        ):
            async with session.get("/api/vote", params={"choice": choice}) as answer:
                assert answer.status == status
        async with session.get("/api/leaderboard") as answer:
            assert await answer.json() == [
                {"shortcode": ":taco:", "unicode": "🌮", "votes": 2},
                {"shortcode": ":ghost:", "unicode": "👻", "votes": 1},
            ]
        async with session.get("/") as answer:
            assert "Emoji vote" in await answer.text()


def test_the_protocol_has_a_method_for_each_emoji() -> None:
    text = (PROTO / "Voting.proto").read_text()
    assert [m for name, _ in EMOJIS if f"rpc {(m := method(name))} (VoteRequest)" not in text] == []


class _Answers(http.server.BaseHTTPRequestHandler):
    """A web that fails once, then lists one emoji and takes votes."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        failed = len(self.seen) == 1
        body = b'{"error": "UNAVAILABLE"}' if failed else b'[{"shortcode": ":taco:", "unicode": "x"}]'
        self.send_response(500 if failed else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


def test_the_bot_survives_a_web_that_fails() -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    try:
        vote_bot.cast(connection)
        vote_bot.cast(connection)
    finally:
        connection.close()
        server.shutdown()
        thread.join()
        server.server_close()
    assert _Answers.seen[:2] == ["/api/list", "/api/list"]
    assert _Answers.seen[2].startswith("/api/vote?choice=%3A")
