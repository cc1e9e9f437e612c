"""Asking `linkerd check` what is wrong."""

import json

from cli.tests.terminal import Terminal


async def problems_of(terminal: Terminal, *flags: str) -> dict[str, str]:
    """Description and error of every check that does not hold; the release URL is never configured here."""
    said = await terminal.linkerd("check", "--wait", "0", "-o", "json", *flags)
    document = json.loads(said.out)
    assert document["success"] is (said.code == 0)
    checks = [check for category in document["categories"] for check in category["checks"]]
    return {
        check["description"]: check["error"]
        for check in checks
        if check["result"] != "success" and check["description"] != "can determine the latest version"
    }
