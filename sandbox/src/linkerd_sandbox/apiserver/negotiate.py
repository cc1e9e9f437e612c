"""Which representation of an object the client wants: the object, a Table, or its metadata only. PURE."""

from typing import Literal, NamedTuple

Form = Literal["object", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"]
JSON = "application/json"
AGGREGATED = "APIGroupDiscoveryList"


class Accepted(NamedTuple):
    """The best representation that the client accepts and we can give."""

    form: str
    """`object`, or the kind that follows `as=`."""
    version: str = ""
    """The version of that kind, as in `v=v1`."""


def accepted(header: str, offered: tuple[tuple[str, str], ...]) -> Accepted | None:
    """The first acceptable form, in the client's order; None when only other media types are accepted.

    `offered` lists (kind, version) of transformed forms that this resource has.
    """
    if not header.strip():
        return Accepted("object")
    for part in header.split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        if media not in (JSON, "application/*", "*/*"):
            continue
        values = dict(piece.partition("=")[::2] for piece in parameters if "=" in piece)
        wanted = values.get("as", "")
        if not wanted:
            return Accepted("object")
        if (wanted, values.get("v", "")) in offered:
            return Accepted(wanted, values["v"])
    return None


def accepts_yaml(header: str) -> bool:
    """Whether YAML is asked for and JSON is not."""
    return "yaml" in header and JSON not in header and "*/*" not in header
