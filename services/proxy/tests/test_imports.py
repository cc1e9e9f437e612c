"""What the proxy never loads: idle memory counts on every pod."""

import subprocess
import sys
from pathlib import Path

import linkerd_proxy

FORBIDDEN = ("kubernetes_asyncio", "linkerd_kube", "cryptography", "structlog", "prometheus_client", "yaml", "re2")

SCRIPT = """
import importlib, sys
for name in sys.argv[2:]:
    importlib.import_module(name)
print(",".join(name for name in sys.argv[1].split(",") if name in sys.modules))
"""


def modules() -> list[str]:
    """All modules of the proxy but its tests' and the one that runs it."""
    root = Path(str(linkerd_proxy.__file__)).parent
    names = [".".join(("linkerd_proxy", *path.relative_to(root).with_suffix("").parts)) for path in root.rglob("*.py")]
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith("__main__"))


def test_the_proxy_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, ",".join(FORBIDDEN), *modules()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_proxy_does_without_the_cpp_library() -> None:
    script = "import linkerd_proxy.__main__; print(open('/proc/self/maps').read())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "libcrypto" in done.stdout
    assert "libstdc++" not in done.stdout
