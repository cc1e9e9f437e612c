"""--set."""

import pytest

from linkerd_cli.errors import UsageError
from linkerd_cli.install.settings import apply, parse_assignments
from linkerd_cli.tree import JsonObject


def _values() -> JsonObject:
    return {"cniEnabled": False, "controllerReplicas": 1, "proxy": {"logLevel": "warn", "image": {"name": "x"}}}


def test_types_are_kept() -> None:
    values = _values()
    apply(values, ["controllerReplicas=3,proxy.logLevel=debug\\,x=y", "proxy.image.name=a/b"])
    assert values == {
        "cniEnabled": False,
        "controllerReplicas": 3,
        "proxy": {"logLevel": "debug,x=y", "image": {"name": "a/b"}},
    }


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("frog", "--set frog: write KEY=VALUE, such as proxy.logLevel=debug"),
        ("=1", "--set =1: write KEY=VALUE, such as proxy.logLevel=debug"),
        ("proxy.loglevel=x", "--set proxy.loglevel: no such value; did you mean proxy.logLevel?"),
        ("zzz.qqq=x", "--set zzz.qqq: no such value"),
        ("proxy=x", "--set proxy: no such value"),
        ("proxy.logLevel.x=y", "--set proxy.logLevel.x: no such value; did you mean proxy.logLevel?"),
        ("controllerReplicas=many", "--set controllerReplicas=many: must be a whole number"),
        ("cniEnabled=yes", "--set cniEnabled=yes: must be true or false"),
        ("cniEnabled=true", "--set cniEnabled=true: not implemented"),
    ],
)
def test_bad_assignments(assignment: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        apply(_values(), [assignment])
    assert str(caught.value) == told


def test_parse() -> None:
    assert list(parse_assignments(["a=1,b=2", "c=x=y"])) == [("a", "1"), ("b", "2"), ("c", "x=y")]
