"""The command: bad settings."""

import sys

from linkerd_testkit.processes import running


async def test_bad_settings_are_all_named_and_exit_64() -> None:
    environment = {"LINKERD_LOG_LEVEL": "loud", "LINKERD_DEBUG_ADDR": "nowhere"}
    async with running(sys.executable, "-m", "linkerd_viz", env=environment) as process:
        assert await process.wait() == 64
        assert "LINKERD_LOG_LEVEL: 'loud'" in process.output
        assert "LINKERD_DEBUG_ADDR: 'nowhere'" in process.output
