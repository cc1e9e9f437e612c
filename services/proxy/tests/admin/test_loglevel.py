"""Log filters in Linkerd's syntax."""

import logging
from collections.abc import Iterator

import pytest

from linkerd_proxy.admin.loglevel import Levels, LogLevel, parse

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


@pytest.mark.parametrize(
    ("name", "level"),
    [("linkerd_proxy.app", 20), ("linkerd_proxy", 20), ("linkerd_proxyx", 30), ("aiohttp.web", 40), ("", 30)],
)
def test_the_longest_prefix_counts(name: str, level: int) -> None:
    assert Levels("warn,linkerd=info,aiohttp=error").of(name) == level


def test_without_an_item_for_it_a_logger_tells_of_errors() -> None:
    assert Levels("linkerd=debug").of("another") == logging.ERROR


def test_followers_get_more_and_what_was_there_gets_no_more_than_before() -> None:
    level = LogLevel("warn,aiohttp=error")
    more = Levels("error,linkerd=debug")
    level.follow(more)
    assert logging.getLogger().level == logging.WARNING
    assert logging.getLogger("linkerd_proxy").level == logging.DEBUG
    assert logging.getLogger("aiohttp").level == logging.ERROR
    level.set("info")
    assert logging.getLogger("linkerd_proxy").level == logging.DEBUG
    assert logging.getLogger("aiohttp").level == logging.NOTSET
    level.unfollow(more)
    assert logging.getLogger("linkerd_proxy").level == logging.NOTSET
    assert logging.getLogger().level == logging.INFO
    assert all(not isinstance(one, Levels) for handler in logging.getLogger().handlers for one in handler.filters)
