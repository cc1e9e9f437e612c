"""The voting service: counts votes.

Environment: GRPC_PORT (8080), PROM_PORT (8801), DOUGHNUT_FAILURE_RATE (1.0: every vote for the doughnut fails, with
gRPC status UNKNOWN as upstream's does), FAILURE_RATE (0.0: for all other votes), ARTIFICIAL_DELAY (milliseconds, 0).
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import prometheus_client

from emojivoto.emojis import EMOJIS, method, shortcode
from emojivoto.serving import serve
from emojivoto.v1 import Voting_pb2 as pb

_VOTES = prometheus_client.Counter("emojivoto_votes", "Number of votes", ["emoji"])

Vote = Callable[[pb.VoteRequest, "grpc.aio.ServicerContext[Any, Any]"], Awaitable[pb.VoteResponse]]


class Poll:
    """Votes by short code, and the faults that were asked for."""

    def __init__(self, doughnut_failure_rate: float, failure_rate: float, delay_seconds: float) -> None:
        self.votes: Counter[str] = Counter()
        self._doughnut_failure_rate = doughnut_failure_rate
        self._failure_rate = failure_rate
        self._delay_seconds = delay_seconds

    def voter(
        self, name: str
    ) -> Callable[[pb.VoteRequest, grpc.aio.ServicerContext[Any, Any]], Awaitable[pb.VoteResponse]]:
        """The method that counts a vote for one emoji."""
        code = shortcode(name)
        rate = self._doughnut_failure_rate if name == "doughnut" else self._failure_rate

        async def vote(request: pb.VoteRequest, context: grpc.aio.ServicerContext[Any, Any]) -> pb.VoteResponse:
            if self._delay_seconds:
                await asyncio.sleep(self._delay_seconds)
            if random.random() < rate:
                await context.abort(grpc.StatusCode.UNKNOWN, "ERROR")
            self.votes[code] += 1
            _VOTES.labels(code).inc()
            return pb.VoteResponse()

        return vote

    async def results(self, request: pb.ResultsRequest, context: object) -> pb.ResultsResponse:
        """All results, most votes first."""
        return pb.ResultsResponse(
            results=[pb.VotingResult(Shortcode=code, Votes=count) for code, count in self.votes.most_common()]
        )

    def handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        """The service's methods, one for each emoji, and the results."""
        methods = {
            method(name): grpc.unary_unary_rpc_method_handler(
                self.voter(name), pb.VoteRequest.FromString, pb.VoteResponse.SerializeToString
            )
            for name, _ in EMOJIS
        }
        methods["Results"] = grpc.unary_unary_rpc_method_handler(
            self.results, pb.ResultsRequest.FromString, pb.ResultsResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler("emojivoto.v1.VotingService", methods)


def main() -> None:
    """Entry point."""
    environ = os.environ
    poll = Poll(
        float(environ.get("DOUGHNUT_FAILURE_RATE", "1.0")),
        float(environ.get("FAILURE_RATE", "0.0")),
        float(environ.get("ARTIFICIAL_DELAY", "0")) / 1000,
    )
    asyncio.run(serve([poll.handler()], int(environ.get("GRPC_PORT", "8080")), int(environ.get("PROM_PORT", "8801"))))


if __name__ == "__main__":
    main()
