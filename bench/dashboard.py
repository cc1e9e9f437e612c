"""`python -m bench.dashboard [--loads 20]`: how soon the dashboard is painted, and what it weighs.

On the cluster of KUBECONFIG, with viz and something meshed on it (`make demo`), through `linkerd viz dashboard`, in
Debian's headless chromium with an empty cache each time. Bar: first contentful paint within a second.
"""

import argparse
import asyncio
import statistics
import sys
from pathlib import Path

from services.viz.tests.web.chromium import CHROMIUM, Page, browser

from linkerd_testkit.ports import free_port
from linkerd_testkit.processes import running

BAR_MS = 1000.0
_LINKERD = Path(sys.executable).with_name("linkerd")
# Notes when the first success rate is written.
_FIGURES = """
new MutationObserver((_, observer) => {
  if (/\\d%/.test(document.querySelector("main")?.innerText ?? "")) {
    window.figuresAt = performance.now();
    observer.disconnect();
  }
}).observe(document, {childList: true, subtree: true, characterData: true});
"""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_FILES = """
[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((entry) => !new URL(entry.name).pathname.startsWith("/api/")).map((entry) => entry.transferSize)
"""


async def _load(page: Page, url: str) -> tuple[float, float, list[int]]:
    """Milliseconds until something was painted, and until the first figures; the bytes of each file."""
    await page.call("Network.clearBrowserCache")
    await page.goto(url)
    await page.until(f"window.figuresAt && {_PAINTED}")
    return await page.eval(_PAINTED), await page.eval("window.figuresAt"), await page.eval(_FILES)


async def _measure(loads: int) -> list[tuple[float, float, list[int]]]:
    port = free_port()
    url = f"http://localhost:{port}/"
    async with running(str(_LINKERD), "viz", "dashboard", "--show", "url", "-p", str(port)) as process:
        await process.says(f":{port}", seconds=30)
        async with browser() as page:
            await page.call("Network.enable")
            await page.call("Page.addScriptToEvaluateOnNewDocument", source=_FIGURES)
            return [await _load(page, url) for _ in range(loads)]


def _told(times: list[float]) -> str:
    return f"median {statistics.median(times):.0f} ms ({min(times):.0f}-{max(times):.0f})"


def main() -> int:
    """Print the figures; 1 where the bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.dashboard", description=__doc__)
    parser.add_argument("--loads", type=int, default=20)
    args = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("bench: no chromium on PATH: apt-get install chromium")
    found = asyncio.run(_measure(args.loads))
    painted = [first for first, _, _ in found]
    files = found[-1][2]
    print(f"first contentful paint: {_told(painted)}, {len(found)} loads (bar {BAR_MS:.0f} ms for each)")
    print(f"first figures: {_told([figures for _, figures, _ in found])}")
    print(f"{len(files)} files, {sum(files) / 1000:.0f} kB as they travel")
    return 0 if max(painted) <= BAR_MS else 1


if __name__ == "__main__":
    sys.exit(main())
