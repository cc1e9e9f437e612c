"""Log filters in Linkerd's syntax."""

import logging
from collections.abc import Iterator

import pytest

from linkerd_proxy.admin.loglevel import LogLevel, parse

OURS = ("linkerd_proxy", "linkerd_runtime", "linkerd_rules")


@pytest.fixture(autouse=True)
def fixture_restore() -> Iterator[None]:
    """Tests leave the loggers as they were."""
    names = ("", *OURS, "aiohttp", "hickory")
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("warn", {"": logging.WARNING}),
        (
            "warn,linkerd=info,hickory=error",
            {"": logging.WARNING, **dict.fromkeys(OURS, logging.INFO), "hickory": logging.ERROR},
        ),
        ("warn,linkerd=debug,[{headers}]=off,[{request}]=off", {"": logging.WARNING, **dict.fromkeys(OURS, 10)}),
        ("linkerd_proxy::control=TRACE", {"linkerd_proxy.control": logging.DEBUG}),
        ("", {}),
    ],
)
def test_filters(text: str, levels: dict[str, int]) -> None:
    assert parse(text) == levels


@pytest.mark.parametrize("text", ["loud", "linkerd=loud", "a b=info", "=info", "[{headers}]=off"])
def test_bad_filters(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_a_new_filter_replaces_the_old_one() -> None:
    level = LogLevel("warn,aiohttp=debug")
    assert logging.getLogger("aiohttp").level == logging.DEBUG
    level.set("info")
    assert logging.getLogger("aiohttp").level == logging.NOTSET
    assert logging.getLogger().level == logging.INFO
    with pytest.raises(ValueError, match="loud"):
        level.set("loud")
    assert level.text == "info"
