"""Names, labels and other words with a grammar (k8s.io/apimachinery/pkg/util/validation). PURE."""

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_ENV = re.compile(r"[ -<>-~]+")
_PORT_NAME = re.compile(r"[-a-z0-9]+")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")

_LABEL_LENGTH = 63
_SUBDOMAIN_LENGTH = 253
_PORT_NAME_LENGTH = 15

LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
DNS1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_QUALIFIED_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


ADDRESS_RULE = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def _too_long(limit: int) -> str:
    return f"must be no more than {limit} characters"


def label(text: str) -> str | None:
    """What is wrong with an RFC 1123 label, or None."""
    if len(text) > _LABEL_LENGTH:
        return _too_long(_LABEL_LENGTH)
    if _LABEL.fullmatch(text):
        return None
    return "must not contain dots" if _SUBDOMAIN.fullmatch(text) else LABEL_RULE


def subdomain(text: str) -> str | None:
    """What is wrong with an RFC 1123 subdomain, or None."""
    if len(text) > _SUBDOMAIN_LENGTH:
        return _too_long(_SUBDOMAIN_LENGTH)
    return None if _SUBDOMAIN.fullmatch(text) else SUBDOMAIN_RULE


def dns1035(text: str) -> str | None:
    """What is wrong with an RFC 1035 label, or None."""
    if len(text) > _LABEL_LENGTH:
        return _too_long(_LABEL_LENGTH)
    return None if _DNS1035.fullmatch(text) else DNS1035_RULE


def path_segment(text: str) -> str | None:
    """What is wrong with a name that only has to fit into a path (RBAC), or None."""
    if text in (".", ".."):
        return f"may not be '{text}'"
    for mark in ("/", "%"):
        if mark in text:
            return f"may not contain '{mark}'"
    return None


def qualified(text: str) -> str | None:
    """What is wrong with a label or annotation key, or None."""
    prefix, slash, name = text.rpartition("/")
    if slash:
        if not prefix:
            return "prefix part must be non-empty"
        wrong = subdomain(prefix)
        if wrong:
            return f"prefix part {wrong}"
    if not name:
        return "name part must be non-empty"
    if len(name) > _LABEL_LENGTH:
        return f"name part {_too_long(_LABEL_LENGTH)}"
    return None if _QUALIFIED.fullmatch(name) else f"name part {_QUALIFIED_RULE}"


def label_value(text: str) -> str | None:
    """What is wrong with a label's value, or None."""
    if len(text) > _LABEL_LENGTH:
        return _too_long(_LABEL_LENGTH)
    return None if not text or _QUALIFIED.fullmatch(text) else _VALUE_RULE


def env_name(text: str) -> str | None:
    """What is wrong with the name of an environment variable, or None."""
    if _ENV.fullmatch(text):
        return None
    return "a valid environment variable name must consist only of printable ASCII characters other than '='"


def port_name(text: str) -> str | None:
    """What is wrong with a port's name (IANA service name), or None."""
    if len(text) > _PORT_NAME_LENGTH:
        return _too_long(_PORT_NAME_LENGTH)
    if not _PORT_NAME.fullmatch(text):
        return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not any(letter.isalpha() for letter in text):
        return "must contain at least one letter (a-z)"
    if "--" in text:
        return "must not contain consecutive hyphens"
    if text.startswith("-") or text.endswith("-"):
        return "must not begin or end with a hyphen"
    return None


def port_number(value: object) -> str | None:
    """What is wrong with a port number, or None."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 16:
        return None
    return "must be between 1 and 65535, inclusive"


def config_key(text: str) -> str | None:
    """What is wrong with a key of a ConfigMap or Secret, or None."""
    if len(text) > _SUBDOMAIN_LENGTH:
        return _too_long(_SUBDOMAIN_LENGTH)
    if text in (".", "..") or text.startswith(".."):
        return f"must not be '{text}'"
    if _CONFIG_KEY.fullmatch(text):
        return None
    return (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME', "
        " or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
    )
