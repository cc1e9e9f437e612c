"""Tools that are not on a user's PATH."""

from pathlib import Path

import pytest

from linkerd_sandbox.net.proxier import MissingTool, find_tool


def test_sbin_is_searched_too(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.touch(mode=0o755)
    assert find_tool("tool", "tools", str(tmp_path)) == str(tool)
    with pytest.raises(MissingTool, match="no-such-tool is not installed: sudo apt-get install nothing"):
        find_tool("no-such-tool", "nothing", "/bin")
