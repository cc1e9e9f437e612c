"""The web service: the page and its HTTP API, over the two gRPC services.

Environment: WEB_PORT (8080), EMOJISVC_HOST (emoji.emojivoto:8080), VOTINGSVC_HOST (voting.emojivoto:8080),
VERSION_HEADER (unset: no X-Web-Version header; the canary's two versions tell themselves apart by it).
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import resources

import grpc
from aiohttp import web

from emojivoto.emojis import EMOJIS, method, shortcode
from emojivoto.v1 import Emoji_pb2, Voting_pb2

TIMEOUT_SECONDS = 5.0
_METHODS = {shortcode(name): method(name) for name, _ in EMOJIS}
_EMOJI = web.AppKey("emoji", grpc.aio.Channel)
_VOTING = web.AppKey("voting", grpc.aio.Channel)


async def page(request: web.Request) -> web.Response:
    """The page: one file, no build step."""
    return web.Response(
        text=resources.files("emojivoto").joinpath("index.html").read_text("utf-8"), content_type="text/html"
    )


async def list_emoji(request: web.Request) -> web.Response:
    """All emojis: [{shortcode, unicode}]."""
    answer = await request.app[_EMOJI].unary_unary(
        "/emojivoto.v1.EmojiService/ListAll",
        Emoji_pb2.ListAllEmojiRequest.SerializeToString,
        Emoji_pb2.ListAllEmojiResponse.FromString,
    )(Emoji_pb2.ListAllEmojiRequest(), timeout=TIMEOUT_SECONDS)
    return web.json_response([{"shortcode": e.shortcode, "unicode": e.unicode} for e in answer.list])


async def vote(request: web.Request) -> web.Response:
    """Vote for `?choice=:shortcode:`: 400 for what is no emoji, 500 when the vote failed."""
    choice = request.query.get("choice", "")
    found = await request.app[_EMOJI].unary_unary(
        "/emojivoto.v1.EmojiService/FindByShortcode",
        Emoji_pb2.FindByShortcodeRequest.SerializeToString,
        Emoji_pb2.FindByShortcodeResponse.FromString,
    )(Emoji_pb2.FindByShortcodeRequest(Shortcode=choice), timeout=TIMEOUT_SECONDS)
    if not found.emoji.shortcode:
        return web.json_response({"error": f"there is no emoji {choice!r}"}, status=400)
    await request.app[_VOTING].unary_unary(
        f"/emojivoto.v1.VotingService/{_METHODS[choice]}",
        Voting_pb2.VoteRequest.SerializeToString,
        Voting_pb2.VoteResponse.FromString,
    )(Voting_pb2.VoteRequest(), timeout=TIMEOUT_SECONDS)
    return web.json_response({})


async def leaderboard(request: web.Request) -> web.Response:
    """Results with their pictures: [{shortcode, unicode, votes}], most votes first."""
    answer = await request.app[_VOTING].unary_unary(
        "/emojivoto.v1.VotingService/Results",
        Voting_pb2.ResultsRequest.SerializeToString,
        Voting_pb2.ResultsResponse.FromString,
    )(Voting_pb2.ResultsRequest(), timeout=TIMEOUT_SECONDS)
    pictures = {shortcode(name): unicode for name, unicode in EMOJIS}
    rows = [
        {"shortcode": r.Shortcode, "unicode": pictures.get(r.Shortcode, ""), "votes": r.Votes} for r in answer.results
    ]
    return web.json_response(rows)


@web.middleware
async def failures(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A failed call behind us is a 500 with its reason, as upstream's."""
    try:
        return await handler(request)
    except grpc.aio.AioRpcError as error:
        return web.json_response({"error": f"{error.code().name}: {error.details()}"}, status=500)


def build(emoji: str, voting: str, version: str = "") -> web.Application:
    """The application; the addresses are host:port of the two services."""
    app = web.Application(middlewares=[failures])

    async def channels(app: web.Application) -> AsyncIterator[None]:
        async with grpc.aio.insecure_channel(emoji) as app[_EMOJI], grpc.aio.insecure_channel(voting) as app[_VOTING]:
            yield

    async def name_version(request: web.Request, response: web.StreamResponse) -> None:
        if version:
            response.headers["X-Web-Version"] = version

    app.cleanup_ctx.append(channels)
    app.on_response_prepare.append(name_version)
    app.router.add_get("/", page)
    app.router.add_get("/api/list", list_emoji)
    app.router.add_get("/api/vote", vote)
    app.router.add_get("/api/leaderboard", leaderboard)
    return app


def main() -> None:
    """Entry point."""
    environ = os.environ
    app = build(
        environ.get("EMOJISVC_HOST", "emoji.emojivoto:8080"),
        environ.get("VOTINGSVC_HOST", "voting.emojivoto:8080"),
        environ.get("VERSION_HEADER", ""),
    )
    web.run_app(app, port=int(environ.get("WEB_PORT", "8080")), print=None, access_log=None)


if __name__ == "__main__":
    main()
