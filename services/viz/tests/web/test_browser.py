"""The dashboard in Debian's chromium, over a mesh that is made up (fake_mesh): what somebody sees and can do."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from services.viz.tests.web.chromium import Page, browser, needs_chromium
from services.viz.tests.web.fake_mesh import FakeMesh, exchange, fake_mesh

from linkerd_contract import viz
from linkerd_testkit.ports import eventually
from linkerd_viz.web.guard import CONTENT_SECURITY_POLICY

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]

# Page: where it is, and what must be read there.
PAGES = {
    "overview": ("#/", ["emojivoto", "voting", "86.20%", "orders-db", "not scraped", "1.25 s"]),
    "topology": ("#/topology", ["vote-bot", "mTLS", "not_provided_by_service_discovery", "93.80%"]),
    "policy": ("#/policy", ["voting-grpc", "vote-bot.emojivoto", "no authorization of voting-grpc", "web.emojivoto"]),
    "splits": ("#/splits", ["web-split", "web-svc-v1", "80", "94.10%", "78.6%"]),
    "trust": ("#/trust", ["Trust anchor", "3611 d", "Issuer", "40 d 23 h", "linkerd-identity", "29 m", "0.1.0 × 9"]),
    "workload": (
        "#/workload/deployment/emojivoto/web",
        ["vote-bot", "voting", "VoteDoughnut", "52.00%", "No Server guards", "web-0", "Nothing is tapped"],
    ),
}
READY = "document.querySelector('main .panel, main .empty, main .banner.bad') && !document.querySelector('.skeleton')"
CUT_OFF = (
    "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth + 1)"
    ".map(one => one.querySelector('caption').textContent)"
)
HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    async with browser() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def mesh(page: Page) -> AsyncIterator[tuple[FakeMesh, str]]:
    async with fake_mesh() as found:
        yield found
        # Before the server goes: the page's next question would be refused, and complained of.
        await page.call("Page.navigate", url="about:blank")


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def quiet(page: Page) -> AsyncIterator[None]:
    """Nothing is complained of by then, whatever a test does."""
    await page.look()
    page.complaints.clear()
    yield
    await page.call("Page.navigate", url="about:blank")
    assert page.complaints == []


async def _visit(page: Page, url: str, where: str = "#/") -> None:
    await page.goto(url + where)
    await page.until(READY)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", PAGES)
async def test_every_page(page: Page, mesh: tuple[FakeMesh, str], name: str, width: int, scheme: str) -> None:
    where, wanted = PAGES[name]
    await page.look(width, 740, scheme)
    await _visit(page, mesh[1], where)
    text = await page.eval("document.querySelector('main').textContent")
    assert [word for word in wanted if word not in text] == []
    assert await page.eval("document.documentElement.scrollWidth") <= width
    # Tables are cut off nowhere: a figure that has to be looked for is not seen.
    assert await page.eval(CUT_OFF) == []
    background = await page.eval("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(246, 247, 248)" if scheme == "light" else "rgb(17, 20, 23)")


async def test_documents_as_the_contract_has_them(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    """The golden files themselves, on every page."""
    golden = Path(__file__).parents[4] / "libs/contract/tests/golden"
    for path in (
        viz.STAT_PATH,
        viz.EDGES_PATH,
        viz.GRAPH_PATH,
        viz.ROUTES_PATH,
        viz.AUTHZ_PATH,
        viz.PODS_PATH,
        viz.HISTORY_PATH,
    ):
        mesh[0].answers[path] = json.loads((golden / f"viz-{path.rsplit('/', 1)[1]}.json").read_text())
    mesh[0].answers[viz.CERTIFICATES_PATH] = json.loads((golden / "viz-certificates.json").read_text())
    for where, _ in PAGES.values():
        await _visit(page, mesh[1], where)
        assert await page.eval("document.querySelector('.banner.bad')") is None


@pytest.mark.parametrize("name", PAGES)
async def test_no_mesh_yet(page: Page, mesh: tuple[FakeMesh, str], name: str) -> None:
    mesh[0].empty = True
    await _visit(page, mesh[1], PAGES[name][0])
    told = {"trust": "No proxy has told", "workload": "There is no deployment", "splits": "No TrafficSplit"}
    said = {"overview": "No meshed workloads", "topology": "No meshed workloads", "policy": "No traffic met a policy"}
    assert (told | said)[name] in await page.text()


async def test_the_api_is_away_then_answers_again(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    fake, url = mesh
    fake.down = True
    await _visit(page, url)
    assert "Measurements unavailable" in await page.text("[role=alert]")
    assert "http://prometheus:9090: refused" in await page.text("[role=alert]")
    assert "away" in await page.text(".live")
    fake.down = False
    await page.eval("document.querySelector('.banner button').click()")
    await page.until("document.querySelector('table') && !document.querySelector('.banner.bad')")
    assert "answers again" in await page.text("#live")
    # What was shown stays, and says how old it is.
    fake.down = True
    await page.until("document.querySelector('.banner.bad')")
    assert " old." in await page.text(".banner.bad")
    assert "voting" in await page.text("table")
    page.complaints[:] = [text for text in page.complaints if "503" not in text]


async def test_nobody_listens(page: Page) -> None:
    async with fake_mesh() as (_, url):
        await _visit(page, url)
    await page.until("document.querySelector('.banner.bad')")
    assert "no connection" in await page.text(".banner.bad")
    page.complaints[:] = [text for text in page.complaints if "ERR_CONNECTION_REFUSED" not in text]


async def test_a_skeleton_until_there_is_something(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    mesh[0].open.clear()
    await page.goto(mesh[1])
    await page.until("document.querySelector('.skeleton')")
    assert await page.text(".skeleton") == "Loading"
    mesh[0].open.set()
    await page.until(READY)


async def test_never_zero_where_nothing_was_measured(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    await _visit(page, mesh[1])
    row = await page.eval(
        "[...document.querySelectorAll('tbody tr')].find(r => r.textContent.includes('search')).innerText"
    )
    assert "not scraped" in row
    assert "0" not in row.replace("1/1", "")
    assert "HTTP 503" in await page.eval("document.querySelector('details.banner').textContent")
    await _visit(page, mesh[1], "#/workload/deployment/shop/search")
    assert "not scraped: there are no figures" in await page.text(".state")
    await _visit(page, mesh[1], "#/workload/deployment/shop/legacy")
    assert "not meshed: there are no figures" in await page.text(".state")


async def test_figures_of_before_its_pods_failed_are_marked(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    pod = viz.PodRow("emojivoto", "web-0", "deployment/web", "Running", True, True, "0.1.0", "no answer within 3 s")
    mesh[0].answers[viz.PODS_PATH] = viz.PodsResponse([pod])
    await _visit(page, mesh[1])
    row = "[...document.querySelectorAll('tbody tr')].find(r => r.textContent.startsWith('web')).innerText"
    assert "1 of 1 not scraped" in await page.eval(row)
    assert "93.80%" in await page.eval(row)


async def test_sorting_and_the_figures_order(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    await _visit(page, mesh[1])
    links = "[...body.querySelectorAll('tr:not(.group) > th a')].map(a => a.firstChild.data)"
    names = f"[...document.querySelectorAll('tbody')].map(body => {links})"
    assert await page.eval(names) == [
        ["emoji", "vote-bot", "voting", "web"],
        ["api", "cart", "frontend", "orders-db", "search"],
    ]
    by = "[...document.querySelectorAll('thead button')].find(b => b.textContent.startsWith('{}')).click()"
    await page.eval(by.format("Success"))
    assert (await page.eval(names))[0] == ["emoji", "web", "voting", "vote-bot"]
    await page.eval(by.format("Success"))
    assert (await page.eval(names))[0] == ["voting", "web", "emoji", "vote-bot"]
    assert await page.eval("document.querySelector('th[aria-sort]').getAttribute('aria-sort')") == "ascending"
    await page.eval(by.format("Workload"))


async def test_the_keyboard_alone(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    await _visit(page, mesh[1])
    await page.press("Tab", 9)
    assert await page.eval("document.activeElement.textContent") == "Skip to content"
    await page.press("Enter", 13, "\r")
    assert await page.eval("document.activeElement.id") == "main"
    await page.press("/", 191, "/")
    assert await page.eval("document.activeElement.id") == "filter"
    await page.call("Input.insertText", text="vot")
    await page.until("document.querySelectorAll('tbody tr:not(.group)').length === 4")  # emojivoto's
    await page.call("Input.insertText", text="ing")
    await page.until("document.querySelectorAll('tbody tr:not(.group)').length === 1")
    await page.press("Escape", 27)
    await page.until("document.querySelectorAll('tbody tr:not(.group)').length === 9")
    await page.eval("document.querySelector('tbody tr:not(.group) a').focus()")
    await page.press("ArrowDown", 40)
    await page.press("ArrowDown", 40)
    assert await page.eval("document.activeElement.textContent") == "voting"
    outline = await page.eval("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    asked = len(mesh[0].asked)
    # An update comes, and takes the focus from nobody.
    await eventually(lambda: len(mesh[0].asked) >= asked + 5)
    assert await page.eval("document.activeElement.textContent") == "voting"
    await page.press("Enter", 13, "\r")
    await page.until("document.querySelector('h1').textContent === 'voting'")
    assert await page.eval("document.activeElement.id") == "main"
    assert await page.eval("document.title") == "voting · linkerd viz"


async def test_the_graph_tells_what_is_under_the_focus(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    await _visit(page, mesh[1], "#/topology")
    assert await page.eval("document.querySelectorAll('.node').length") == 9
    assert await page.eval("document.querySelectorAll('.edge').length") == 10
    assert await page.eval("document.querySelectorAll('.edge.plain').length") == 1
    await page.eval("document.querySelector('[data-key$=\"deployment/emojivoto/voting\"].edge').focus()")
    said = await page.text(".details")
    assert "emojivoto/web calls emojivoto/voting: mutual TLS; 86.20% success" in said
    assert "web.emojivoto → voting.emojivoto" in said
    assert await page.eval("document.querySelectorAll('.node.on').length") == 2
    await page.eval("document.querySelector('a.node[data-key=\"deployment/emojivoto/voting\"]').focus()")
    await page.press("Enter", 13, "\r")
    await page.until("location.hash === '#/workload/deployment/emojivoto/voting'")


async def test_on_a_phone_the_whole_graph_is_in_sight(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    fake = mesh[0]
    ends = ("deployment", "emojivoto")
    calls = [("vote-bot", "web-v1"), ("vote-bot", "web-v2"), ("web-v1", "emoji"), ("web-v2", "voting")]
    rows = [viz.GraphRow(*ends, src, *ends, dst, "a.b", "c.d", "", 1.0, 2.0) for src, dst in calls]
    fake.answers[viz.GRAPH_PATH] = viz.GraphResponse(rows)
    await page.look(375, 740)
    await _visit(page, mesh[1], "#/topology")
    await page.eval(
        "(s => { s.value = 'emojivoto'; s.dispatchEvent(new Event('change')); })(document.querySelector('select'))"
    )
    await page.until("document.querySelectorAll('.node').length === 6")
    assert await page.eval("(one => one.scrollWidth <= one.clientWidth)(document.querySelector('.graph'))")


async def test_a_callers_page_has_the_routes_that_it_calls_alone(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    mesh[0].answers[viz.ROUTES_PATH] = viz.RoutesResponse(
        [viz.RouteRow("GET /called", "voting", 1.0, 2.0, 0.5, 4.0), viz.RouteRow("GET /other", "emoji")]
    )
    await _visit(page, mesh[1], "#/workload/deployment/emojivoto/web")
    section = (
        "[...document.querySelectorAll('section')].find(one => one.textContent.startsWith('Routes that it calls'))"
    )
    calls = await page.eval(f"{section}.textContent")
    assert "GET /called" in calls
    assert "GET /other" not in calls


async def test_the_graph_asks_once_for_all_edges(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    """However many sources there are: the rest is a question for each kind of workload, and the pods."""
    await _visit(page, mesh[1], "#/topology")
    await page.eval("document.querySelector('button.live').click()")  # paused: what was asked was asked for one drawing
    fake = mesh[0]
    paths = [path.partition("?")[0] for path in fake.asked]
    rounds = paths.count(viz.PODS_PATH)
    assert paths.count(viz.GRAPH_PATH) == rounds
    assert paths.count(viz.STAT_PATH) == 2 * rounds
    assert viz.EDGES_PATH not in paths
    assert "12.0 requests per second" in await page.eval(
        "document.querySelector('[data-key=\"deployment/shop/cart>deployment/shop/api\"]').getAttribute('aria-label')"
    )


async def test_drawings_are_steady_and_nothing_overlaps(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    """layout.js: whatever order the API answers in; cycles, a node that calls itself, and one on its own."""
    await _visit(page, mesh[1], "#/topology")
    graph = """(async () => {
      const { layout } = await import("/assets/layout.js");
      const nodes = ["a", "b", "c", "d", "e", "alone"];
      const edges = [["a", "b"], ["b", "c"], ["c", "a"], ["a", "d"], ["c", "d"], ["e", "e"], ["a", "e"]];
      const draw = (ids, vertical) => layout(ids, edges.map(([from, to]) => ({ from, to })), SIZE, vertical);
      const plain = (one) => ({ ...one, at: Object.fromEntries(one.at) });
      return [false, true].map((v) => [plain(draw(nodes, v)), plain(draw([...nodes].reverse(), v))]);
    })()""".replace("SIZE", "{ width: 100, height: 40, gapX: 50, gapY: 20 }")
    for drawn, again in await page.eval(graph):
        assert drawn == again
        places = sorted(drawn["at"].items())
        for index, (name, one) in enumerate(places):
            assert 50 <= one["x"] <= drawn["width"] - 50
            assert 20 <= one["y"] <= drawn["height"] - 20
            for other_name, other in places[index + 1 :]:
                apart = abs(one["x"] - other["x"]) >= 100 or abs(one["y"] - other["y"]) >= 40
                assert apart, f"{name} lies on {other_name}"
        assert [len(line) for line in drawn["lines"]][:2] == [2, 2]
        assert drawn["lines"][5] == []  # to itself: drawn by the page


async def test_theme_is_kept(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    await _visit(page, mesh[1])
    await page.eval("document.querySelector('[aria-label=\"Light or dark\"]').click()")
    assert await page.eval(colour) == "rgb(17, 20, 23)"
    await _visit(page, mesh[1])
    assert await page.eval(colour) == "rgb(17, 20, 23)"
    await page.eval("localStorage.clear()")


async def test_tap(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    await _visit(page, mesh[1], "#/workload/deployment/emojivoto/web")
    await page.eval("document.querySelector('input[name=path]').focus()")
    await page.call("Input.insertText", text="/api")
    await page.eval("document.querySelector('form.tap').requestSubmit()")
    rows = "document.querySelectorAll('.taprows tbody tr').length"
    await page.until(f"{rows} > 20")
    assert mesh[0].tapped == [viz.TapQuery("deployment", "emojivoto", "web", path="/api")]
    text = await page.text(".taprows")
    assert "vote-bot → web" in text
    assert "/api/vote?choice=:doughnut:" in text
    assert "✕ 500" in text
    click = "[...document.querySelectorAll('form.tap button')].find(b => b.textContent === '{}').click()"
    await page.eval(click.format("Pause"))
    count = await page.eval(rows)
    await page.until("/paused, [1-9]/.test(document.querySelector('main').textContent)")
    assert await page.eval(rows) == count
    await page.eval(click.format("Go on"))
    await page.until(f"{rows} === 200")  # the bound
    await page.eval(click.format("Stop"))
    await page.until("document.querySelector('form.tap button').textContent === 'Start'")


async def test_names_and_paths_stay_text(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    fake, url = mesh
    name = HOSTILE.replace("/", "")
    stat = viz.StatRow("emojivoto", "deployment", name, "", 1, 1, 0.5, 1.0, 1.0, 1.0, 1.0)
    pod = viz.PodRow("emojivoto", "web-0", "deployment/web", "Running", True, True, HOSTILE, HOSTILE)
    fake.answers[viz.STAT_PATH] = viz.StatResponse([stat])
    fake.answers[viz.PODS_PATH] = viz.PodsResponse([pod])
    fake.answers[viz.AUTHZ_PATH] = viz.AuthzResponse([viz.AuthzRow(HOSTILE, HOSTILE, "", HOSTILE, clients=[HOSTILE])])
    fake.answers[viz.EDGES_PATH] = viz.EdgesResponse([viz.EdgeRow(name, "a", name + "2", "b", "", "", HOSTILE)])
    edge = viz.GraphRow("deployment", "a", name, "deployment", "b", name + "2", "", "", HOSTILE)
    fake.answers[viz.GRAPH_PATH] = viz.GraphResponse([edge])
    fake.answers[viz.ROUTES_PATH] = viz.RoutesResponse([viz.RouteRow(HOSTILE, HOSTILE, 1.0, 1.0)])
    fake.answers[viz.CERTIFICATES_PATH] = viz.CertificatesResponse([viz.CertificateRow(HOSTILE, HOSTILE, HOSTILE)])
    fake.events = exchange(1, path=f"/{HOSTILE}")
    for where, _ in PAGES.values():
        await _visit(page, url, where)
        assert await page.eval("document.querySelectorAll('main img, main script').length") == 0
        assert "<script>alert(2)" in await page.eval("document.querySelector('main').textContent")
    await page.eval("document.querySelector('form.tap').requestSubmit()")
    await page.until("document.querySelector('.taprows')?.textContent.includes('<img src=x')")
    assert await page.eval("document.querySelectorAll('main img, main script').length") == 0
    # A workload's page by an address that somebody sent.
    await _visit(page, url, "#/workload/deployment/x/%3Cimg%20src%3Dx%3E")
    assert await page.text("h1") == "<img src=x>"


@pytest.mark.parametrize("address", ["#/frog", "#/workload/deployment/%/%E0%A4", "#/workload/x", "#%"])
async def test_addresses_that_lead_nowhere(page: Page, mesh: tuple[FakeMesh, str], address: str) -> None:
    await page.goto(mesh[1] + address)
    await page.until("/There is no/.test(document.querySelector('main').textContent)")


async def test_data_that_a_page_stumbles_over(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    """It says so, and goes on with the next."""
    mesh[0].answers[viz.AUTHZ_PATH] = {"rows": [{"server": "x"}]}
    await _visit(page, mesh[1], "#/policy")
    assert "This page has a fault" in await page.text("[role=alert]")
    assert [text for text in page.complaints if "TypeError" in text]
    del mesh[0].answers[viz.AUTHZ_PATH]
    await page.until("document.querySelector('table') && !document.querySelector('[role=alert]')")
    page.complaints.clear()


async def test_the_policy_would_stop_what_got_through(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    """The test of the tests: an inline handler does not run, and is complained of."""
    await _visit(page, mesh[1])
    assert await page.eval("document.querySelector('meta[http-equiv]')") is None
    await page.eval("document.body.insertAdjacentHTML('beforeend', '<img src=data:, onerror=\"window.ran=1\">')")
    await page.until("document.querySelector('body > img')")
    await _complained(page, "Content Security Policy")
    assert await page.eval("window.ran") is None
    assert "script-src 'self'" in CONTENT_SECURITY_POLICY
    page.complaints.clear()


async def _complained(page: Page, text: str) -> None:
    await eventually(lambda: any(text in complaint for complaint in page.complaints), what=f"a complaint of {text}")


async def test_hidden_tabs_ask_nothing(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    await page.goto("about:blank#")
    await _visit(page, mesh[1])
    hide = (
        "Object.defineProperty(document, 'hidden', {{configurable: true, get: () => {}}});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    timers = "(window.timers = [], window.setTimeout = (f, ms) => (timers.push(ms), 0))"
    await page.eval(timers)
    await page.eval(hide.format("true"))
    assert await page.eval("timers") == []
    await page.eval(hide.format("false"))
    assert await page.eval("timers") == [5000]


async def test_window_and_namespace_are_asked_for(page: Page, mesh: tuple[FakeMesh, str]) -> None:
    await _visit(page, mesh[1])
    mesh[0].asked.clear()
    for label, value in (("Namespace", "shop"), ("Window of time", "5m")):
        choose = f"(s => {{ s.value = {value!r}; s.dispatchEvent(new Event('change')) }})"
        await page.eval(f"{choose}(document.querySelector('select[aria-label=\"{label}\"]'))")
    await page.until("!document.querySelector('main').textContent.includes('vote-bot')")
    wanted = "/api/v1/stat?window=5m&kind=statefulset&namespace=shop"
    assert wanted in mesh[0].asked
    # Lines are of single scrapes, whatever window the figures are of.
    assert "/api/v1/history?window=9m&kind=statefulset&namespace=shop" in mesh[0].asked
