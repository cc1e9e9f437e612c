"""Log filters in Linkerd's syntax ("warn,linkerd=info"), applied to the standard library's loggers.

The first item without a name is the root's level. Names are prefixes of modules: `linkerd` stands for this program's
modules. Items about spans and fields ("[{headers}]=off"), which only Rust's tracing has, are accepted and ignored, so
that manifests made for Linkerd work.
"""

import logging
import re

_LEVELS = {
    "off": logging.CRITICAL + 10,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}
_OURS = ("linkerd_proxy", "linkerd_runtime", "linkerd_rules")
_NAME = re.compile(r"[A-Za-z_][\w:.]*")


def parse(filter_text: str) -> dict[str, int]:
    """Levels by logger name, "" for the root. Raises ValueError."""
    levels: dict[str, int] = {}
    for item in (part.strip() for part in filter_text.split(",")):
        if not item or item.startswith("["):
            continue
        name, equals, level = item.rpartition("=")
        if level.lower() not in _LEVELS:
            raise ValueError(f"{item!r}: levels are {', '.join(_LEVELS)}")
        if equals and not _NAME.fullmatch(name):
            raise ValueError(f"{item!r}: {name!r} is not the name of a module")
        value = _LEVELS[level.lower()]
        if name in ("linkerd", "linkerd2_proxy"):
            levels.update(dict.fromkeys(_OURS, value))
        else:
            levels[name.replace("::", ".")] = value
    if not levels and filter_text.strip():
        raise ValueError(f"{filter_text!r} sets no level")
    return levels


class Levels:
    """One filter. As a filter of a handler it lets pass what it names."""

    def __init__(self, filter_text: str) -> None:
        """Raises ValueError."""
        self.text = filter_text.strip()
        self.by_name = parse(filter_text)
        self._known: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The level of a logger: that of the longest prefix of its name; errors where no item says anything."""
        level = self._known.get(name)
        if level is None:
            prefix = name
            while prefix and prefix not in self.by_name:
                prefix = prefix.rpartition(".")[0]
            # There are as many as modules that log.
            level = self._known[name] = self.by_name.get(prefix, logging.ERROR)
        return level

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record passes."""
        return record.levelno >= self.of(record.name)


class LogLevel:
    """The filter in force. Loggers that an earlier filter named and a new one does not fall back to the root's.

    While others follow with filters of their own (/logs.json), loggers let pass what any of them wants, and the
    handlers that there were get what the filter in force lets pass.
    """

    def __init__(self, filter_text: str) -> None:
        self._levels = Levels("")
        self._following: list[Levels] = []
        self._named: set[str] = set()
        self._filtered: list[tuple[logging.Handler, Levels]] = []
        self.set(filter_text)

    @property
    def text(self) -> str:
        """As it was set."""
        return self._levels.text

    def set(self, filter_text: str) -> None:
        """Apply a filter. Raises ValueError; the old one then stays."""
        self._levels = Levels(filter_text)
        self._apply()

    def follow(self, levels: Levels) -> None:
        """Log what this filter wants too; the handler for it is the caller's, and has it as its filter."""
        self._following.append(levels)
        self._apply()

    def unfollow(self, levels: Levels) -> None:
        """No more."""
        self._following.remove(levels)
        self._apply()

    def _apply(self) -> None:
        for handler, levels in self._filtered:
            handler.removeFilter(levels)
        self._filtered = []
        every = [self._levels, *self._following]
        if self._following:
            for handler in logging.getLogger().handlers:
                if not any(levels in handler.filters for levels in self._following):
                    handler.addFilter(self._levels)
                    self._filtered.append((handler, self._levels))
        names = {name for levels in every for name in levels.by_name} - {""}
        for name in self._named - names:
            logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger().setLevel(min(levels.of("") for levels in every))
        for name in names:
            logging.getLogger(name).setLevel(min(levels.of(name) for levels in every))
        self._named = names
