"""Order, warnings, fatal failures, waiting."""

import pytest

from linkerd_cli.check import runner as module
from linkerd_cli.check.model import Category, Check, Failed, Skipped
from linkerd_cli.check.runner import Runner
from linkerd_cli.check.state import State
from linkerd_cli.context import Context


def _check(name: str, *failures: str, skip: bool = False, **flags: bool) -> Check:
    """Fails with each reason once, then holds; the last reason stays where it is repeated."""
    left = list(failures)

    async def run(_state: State) -> None:
        if skip:
            raise Skipped
        if left:
            raise Failed(left.pop(0) if len(left) > 1 or flags.get("retry") else left[0])

    return Check(name, "x", run, **flags)


async def _run(*checks: Check, wait: float = 0.0) -> tuple[list[str], bool, list[str]]:
    waited: list[str] = []
    state = State(Context("linkerd", "linkerd-viz", None, None, False, {}), now=lambda: pytest.fail("no clock"))
    runner = Runner(state, wait, lambda check, reason: waited.append(f"{check.description}: {reason}".rstrip(": ")))
    said = [
        f"{answer.check.description} {answer.result} {answer.error}".rstrip()
        async for _, answer in runner.run([Category("c", checks)])
    ]
    return said, runner.success, waited


async def test_in_order() -> None:
    said, success, _ = await _run(_check("a"), _check("b", "no"), _check("c"))
    assert (said, success) == (["a success", "b error no", "c success"], False)


async def test_a_warning_fails_nothing() -> None:
    assert await _run(_check("a", "hm", warning=True)) == (["a warning hm"], True, ["a"])


async def test_after_a_fatal_failure_nothing_is_asked() -> None:
    said, success, _ = await _run(_check("a", "no", fatal=True), _check("b"))
    assert (said, success) == (["a error no"], False)


async def test_what_does_not_arise_is_not_shown() -> None:
    assert await _run(_check("a", skip=True)) == ([], True, ["a"])


async def test_waits_for_what_comes_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.001)
    said, success, waited = await _run(_check("a", "not yet", "still not", retry=True), wait=30)
    assert (said, success, waited) == (["a success"], True, ["a", "a: not yet", "a: still not"])


async def test_does_not_wait_longer_than_asked() -> None:
    said, success, waited = await _run(_check("a", "not yet", retry=True), wait=0)
    assert (said, success, waited) == (["a error not yet"], False, ["a"])


async def test_a_bug_in_a_check_is_not_an_answer() -> None:
    async def run(_state: State) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await _run(Check("a", "x", run))
