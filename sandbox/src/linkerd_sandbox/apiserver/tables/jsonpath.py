"""The part of JSONPath that printer columns use: `.a.b[0].c['d'][?(@.type=="Ready")].status` and `[*]`. PURE."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from linkerd_sandbox.apiserver.objects import JsonValue

_STEP = re.compile(
    r"""\.?\[\?\(\s*@\.(?P<fkey>[\w./-]+)\s*==\s*(?P<quote>["'])(?P<fvalue>.*?)(?P=quote)\s*\)\]
    |\.?\[(?P<index>-?\d+)\]
    |\.?\[\*\]|\.\*(?P<star>)
    |\.?\[(?P<q2>["'])(?P<quoted>.*?)(?P=q2)\]
    |\.?(?P<key>(?:[\w$/-]|\\.)+)""",
    re.VERBOSE,
)


class Step(NamedTuple):
    """One step of a path."""

    kind: Literal["key", "index", "all", "filter"]
    key: str = ""
    value: str = ""
    position: int = 0


@lru_cache(maxsize=256)
def parse(path: str) -> tuple[Step, ...]:
    """Steps of a path. Raises ValueError for what printer columns may not use."""
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            if text[position:] == ".":
                break
            raise ValueError(f"unrecognized character in {path!r} at {position}")
        position = found.end()
        if found["fkey"]:
            steps.append(Step("filter", found["fkey"], found["fvalue"]))
        elif found["index"]:
            steps.append(Step("index", position=int(found["index"])))
        elif found["quoted"] is not None:
            steps.append(Step("key", found["quoted"]))
        elif found["key"]:
            steps.append(Step("key", found["key"].replace("\\", "")))
        else:
            steps.append(Step("all"))
    return tuple(steps)


def find(value: JsonValue, path: str) -> list[JsonValue]:
    """Everything at a path."""
    values = [value]
    for step in parse(path):
        values = [found for item in values for found in _step(item, step)]
    return values


def _step(value: JsonValue, step: Step) -> list[JsonValue]:
    if step.kind == "key":
        return [value[step.key]] if isinstance(value, dict) and step.key in value else []
    if step.kind == "all":
        return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    if not isinstance(value, list):
        return []
    if step.kind == "index":
        return [value[step.position]] if -len(value) <= step.position < len(value) else []
    return [
        item for item in value if isinstance(item, dict) and str(find(item, f".{step.key}")[:1]) == str([step.value])
    ]
