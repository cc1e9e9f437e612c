"""The emoji service: which emojis there are.  Environment: GRPC_PORT (8080), PROM_PORT (8801)."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import grpc

from emojivoto.emojis import EMOJIS, shortcode
from emojivoto.serving import serve
from emojivoto.v1 import Emoji_pb2 as pb

_EMOJIS = {shortcode(name): pb.Emoji(unicode=unicode, shortcode=shortcode(name)) for name, unicode in EMOJIS}


async def list_all(request: pb.ListAllEmojiRequest, context: object) -> pb.ListAllEmojiResponse:
    """Every emoji, in the page's order."""
    return pb.ListAllEmojiResponse(list=_EMOJIS.values())


async def find_by_shortcode(request: pb.FindByShortcodeRequest, context: object) -> pb.FindByShortcodeResponse:
    """One emoji, or an empty answer when there is none of that short code."""
    return pb.FindByShortcodeResponse(emoji=_EMOJIS.get(request.Shortcode))


def handler() -> grpc.GenericRpcHandler[Any, Any]:
    """The service's methods."""
    return grpc.method_handlers_generic_handler(
        "emojivoto.v1.EmojiService",
        {
            "ListAll": grpc.unary_unary_rpc_method_handler(
                list_all, pb.ListAllEmojiRequest.FromString, pb.ListAllEmojiResponse.SerializeToString
            ),
            "FindByShortcode": grpc.unary_unary_rpc_method_handler(
                find_by_shortcode, pb.FindByShortcodeRequest.FromString, pb.FindByShortcodeResponse.SerializeToString
            ),
        },
    )


def main() -> None:
    """Entry point."""
    environ = os.environ
    asyncio.run(serve([handler()], int(environ.get("GRPC_PORT", "8080")), int(environ.get("PROM_PORT", "8801"))))


if __name__ == "__main__":
    main()
