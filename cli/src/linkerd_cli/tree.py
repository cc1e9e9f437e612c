"""Reading objects of any shape: what is absent or of another type reads as empty. PURE."""

JsonObject = dict[str, object]


def mapping(parent: JsonObject, key: str) -> JsonObject:
    """A child mapping; a new empty one where there is none."""
    child = parent.get(key)
    return child if isinstance(child, dict) else {}


def objects(parent: JsonObject, key: str) -> list[JsonObject]:
    """The mappings in a child list."""
    child = parent.get(key)
    return [item for item in child if isinstance(item, dict)] if isinstance(child, list) else []


def text(parent: JsonObject, key: str) -> str:
    """A child string, "" where there is none."""
    child = parent.get(key)
    return child if isinstance(child, str) else ""


def integer(parent: JsonObject, key: str) -> int:
    """A child integer, 0 where there is none."""
    child = parent.get(key)
    return child if isinstance(child, int) and not isinstance(child, bool) else 0


def meta(document: JsonObject, key: str) -> str:
    """A string of its metadata."""
    return text(mapping(document, "metadata"), key)


def labels(document: JsonObject) -> dict[str, str]:
    """Its labels."""
    return {k: v for k, v in mapping(mapping(document, "metadata"), "labels").items() if isinstance(v, str)}
