"""The voter: votes once a second through web, for the doughnut in 15 of 100 cases.

Environment: WEB_HOST (web-svc.emojivoto:80), REQUEST_RATE (votes a second, 1), TTL (seconds to live, 0: for ever).
"""

import http
import http.client
import json
import os
import random
import signal
import sys
import time
import urllib.parse

DOUGHNUT_SHARE = 0.15
TIMEOUT_SECONDS = 5


def stop(number: int, frame: object) -> None:
    """End between or within votes."""
    sys.exit(0)


def cast(connection: http.client.HTTPConnection) -> None:
    """List the emojis, choose one, vote for it."""
    connection.request("GET", "/api/list")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.HTTPStatus.OK:
        print(f"no list: {answer.status}", flush=True)
        return
    codes = [e["shortcode"] for e in json.loads(body)]
    choice = ":doughnut:" if random.random() < DOUGHNUT_SHARE else random.choice(codes)
    connection.request("GET", "/api/vote?" + urllib.parse.urlencode({"choice": choice}))
    answer = connection.getresponse()
    answer.read()
    print(f"voted {choice}: {answer.status}", flush=True)


def main() -> None:
    """Entry point."""
    environ = os.environ
    signal.signal(signal.SIGTERM, stop)
    pause = 1 / float(environ.get("REQUEST_RATE", "1"))
    ttl = float(environ.get("TTL", "0"))
    end = time.monotonic() + ttl if ttl else None
    connection = http.client.HTTPConnection(environ.get("WEB_HOST", "web-svc.emojivoto:80"), timeout=TIMEOUT_SECONDS)
    while end is None or time.monotonic() < end:
        began = time.monotonic()
        try:
            cast(connection)
        except (OSError, http.client.HTTPException, ValueError) as error:
            print(f"vote failed: {error}", flush=True)
            connection.close()
        time.sleep(max(0.0, pause - (time.monotonic() - began)))


if __name__ == "__main__":
    main()
