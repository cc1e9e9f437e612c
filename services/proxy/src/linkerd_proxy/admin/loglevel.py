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


class LogLevel:
    """The filter in force. Loggers that an earlier filter named and a new one does not fall back to the root's."""

    def __init__(self, filter_text: str) -> None:
        self.text = ""
        self._named: set[str] = set()
        self.set(filter_text)

    def set(self, filter_text: str) -> None:
        """Apply a filter. Raises ValueError; the old one then stays."""
        levels = parse(filter_text)
        for name in self._named - levels.keys():
            logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger().setLevel(levels.pop("", logging.ERROR))
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        self._named = set(levels)
        self.text = filter_text.strip()
