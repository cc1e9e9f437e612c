"""The tutorial's reader: what it parses, runs, and takes for equal."""

import os
from pathlib import Path

import pytest
from tools.tutorial import Reader, normal, parse

TEXT = """
Words.

```yaml file=a.yml
kind: A
```

```console name=one demo wait=2
$ cat a.yml
kind: A
$ echo web-6b4f9d8c7-x2x4z 12s 10.42.0.7
web-aaaaaaaaaa-bbbbb   1m2s   10.42.9.9
```

```text
not a block
```

```console name=two issue=C
$ printf 'a\\n'
> printf 'b\\n'
a
b
```
"""


def test_blocks() -> None:
    one, two = parse(TEXT)
    assert (one.name, one.demo, one.wait, one.issue) == ("one", True, 2, "")
    assert one.files == (("a.yml", "kind: A\n"),)
    assert [c for c, _ in one.steps] == ["cat a.yml", "echo web-6b4f9d8c7-x2x4z 12s 10.42.0.7"]
    assert (two.demo, two.issue) == (False, "C")
    assert two.steps == (("printf 'a\\n'\nprintf 'b\\n'", "a\nb"),)


def test_a_block_without_a_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="no name"):
        parse("```console\n$ true\n```\n")


def test_run(tmp_path: Path) -> None:
    reader = Reader(tmp_path, os.environ)
    for block in parse(TEXT):
        assert [o.good for o in reader.run(block)] == [True] * len(block.steps)


def test_it_waits_until_the_output_settles(tmp_path: Path) -> None:
    text = "```console name=x wait=20\n$ echo x >> seen; wc -l < seen | tr 3 T\nT\n```\n"
    (block,) = parse(text)
    assert [o.output for o in Reader(tmp_path, os.environ).run(block)] == ["T\n"]


@pytest.mark.parametrize(
    ("seen", "expected", "equal"),
    [
        ("web  2/2  Running", "web 2/2 Running", True),
        ("99.12%", "100.00%", True),
        ("-", "100.00%", False),
        ("√ ready", "× ready", False),
        ("emojivoto", "linkerd", False),
        ("a\nb", "a", False),
        ("1ms", "22ms", True),
        ("web 1/2", "web 2/2", False),
        ("12.5rps", "3.0rps", True),
        ("\x1b[32m√\x1b[0m ok", "√ ok", True),
    ],
)
def test_equality(seen: str, expected: str, equal: bool) -> None:
    assert (normal(seen) == normal(expected)) is equal
