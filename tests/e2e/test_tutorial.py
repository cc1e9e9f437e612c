"""docs/tutorial.md, block by block, on the sandbox: each command verbatim, each output as the page says."""

import shutil

import pytest
from tools.demo import ROOT
from tools.tutorial import Block, Reader, normal, parse

BLOCKS = parse((ROOT / "docs/tutorial.md").read_text())


def _parameter(block: Block) -> object:
    marks = [pytest.mark.root]
    if block.issue:
        marks.append(pytest.mark.xfail(reason=f"needs issue {block.issue}", strict=True))
    if block.kubectl and not shutil.which("kubectl"):
        marks.append(pytest.mark.skip(reason="no kubectl on PATH, and the stand-in is too small for this"))
    return pytest.param(block, id=block.name, marks=marks)


@pytest.mark.parametrize("block", [_parameter(b) for b in BLOCKS])
def test_block(block: Block, reader: Reader) -> None:
    for outcome in reader.run(block):
        assert normal(outcome.output) == normal(outcome.expected), f"$ {outcome.command}\n{outcome.output}"
