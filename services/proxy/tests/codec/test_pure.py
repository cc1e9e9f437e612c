"""The codec has no clock, no randomness, no IO and no log: it cannot, for it imports nothing that has them."""

import ast
from pathlib import Path

import pytest

from linkerd_proxy import codec

FORBIDDEN = {
    "asyncio",
    "socket",
    "ssl",
    "time",
    "random",
    "secrets",
    "logging",
    "os",
    "pathlib",
    "threading",
    "subprocess",
}
FILES = sorted(Path(codec.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_imports(file: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
            if node.module and node.module.startswith("linkerd_"):
                assert node.module.startswith("linkerd_proxy.codec")
    assert not imported & FORBIDDEN
