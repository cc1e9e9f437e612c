"""The command."""

from services.viz.tests.tap.test_app import COMMAND

from linkerd_testkit.processes import running


async def test_bad_settings_are_exit_64() -> None:
    async with running(*COMMAND, env={"LINKERD_TAP_PORT": "x"}) as process:
        assert await process.wait() == 64
        assert "LINKERD_TAP_PORT" in process.output
