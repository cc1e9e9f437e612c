"""Tap, `POST /v1/tap` on :4190: viz watches requests as they happen."""

from linkerd_proxy.tap.following import FollowingTaps
from linkerd_proxy.tap.server import TapServer

__all__ = ["FollowingTaps", "TapServer"]
