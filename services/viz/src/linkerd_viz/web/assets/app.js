// The page's frame: which page the address names, its data every few seconds while somebody looks, its states.
//
// A page is {id, title(args), load(context) -> data, view(context) -> tree, leave?()}. It never sees a failed load: what
// it showed last stays, with a banner that says how old it is.

import { get } from "./api.js";
import { h, patch } from "./dom.js";
import { plural, span } from "./format.js";
import { overview } from "./overview.js";
import { policy } from "./policy.js";
import { splits } from "./splits.js";
import { topology } from "./topology.js";
import { trust } from "./trust.js";
import { workload } from "./workload.js";

const EVERY_MS = 5000;
const PAGES = [
  [/^\/$/, overview],
  [/^\/topology$/, topology],
  [/^\/policy$/, policy],
  [/^\/splits$/, splits],
  [/^\/trust$/, trust],
  [/^\/workload\/([^/]+)\/([^/]+)\/([^/]+)$/, workload],
];
const WINDOWS = ["1m", "5m", "10m"];
const nothing = { id: "nothing", title: () => "No such page", load: async () => ({}), view: () => h("p", null, "There is no such page. ", h("a", { href: "#/" }, "To the overview")) };

const main = document.getElementById("main");
const state = { page: null, args: [], data: null, error: null, at: 0, paused: false, namespace: "", window: "1m", filter: "", pods: [] };
let timer = 0;
let loading = new AbortController();

const context = {
  get args() { return state.args; },
  get data() { return state.data; },
  get pods() { return state.pods; },
  get namespace() { return state.namespace; },
  get window() { return state.window; },
  get filter() { return state.filter; },
  get signal() { return loading.signal; },
  get: (name, parameters) => get(name, { window: state.window, ...parameters }, loading.signal),
  /** Kinds of workloads that are in the namespace: what else would be asked for is not there. */
  get kinds() {
    const inside = state.pods.filter((pod) => pod.workload && (!state.namespace || pod.namespace === state.namespace));
    return [...new Set(inside.map((pod) => pod.workload.split("/")[0]))].sort();
  },
  setFilter(text) {
    state.filter = text;
    draw();
  },
  redraw: draw,
  refresh,
};

function route() {
  const path = location.hash.slice(1) || "/";
  for (const [pattern, page] of PAGES) {
    const match = pattern.exec(path);
    if (match) return open(page, match.slice(1).map(decoded));
  }
  // An anchor within the page, such as the skip link's.
  if (!path.startsWith("/") && state.page) return;
  open(nothing, []);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function open(page, args) {
  const first = state.page === null;
  state.page?.leave?.();
  Object.assign(state, { page, args, data: null, error: null, at: 0, filter: "" });
  const title = page.title(args);
  document.title = `${title} · linkerd viz`;
  for (const tab of document.querySelectorAll(".tabs a")) {
    if (tab.dataset.page === page.id) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  draw();
  if (!first) {
    window.scrollTo(0, 0);
    main.focus({ preventScroll: true });
    announce(title);
  }
  refresh();
}

async function refresh() {
  clearTimeout(timer);
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  try {
    state.pods = (await get("pods", {}, signal)).rows;
    const data = await state.page.load(context);
    if (signal.aborted) return;
    if (state.error) announce("The metrics API answers again");
    Object.assign(state, { data, error: null, at: Date.now() });
  } catch (error) {
    if (signal.aborted) return;
    if (!state.error) announce(`${error.title ?? "Error"}: ${error.message}`);
    state.error = error;
  }
  draw();
  schedule();
}

function schedule() {
  clearTimeout(timer);
  if (!state.paused && !document.hidden) timer = setTimeout(refresh, EVERY_MS);
}

function draw() {
  const { page, data, error } = state;
  const shown = [];
  if (error) shown.push(banner(error, data !== null));
  if (data) shown.push(unscraped(), viewed(page));
  else if (!error) shown.push(skeleton());
  patch(main, [h("h1", { key: "h1" }, page.title(state.args)), shown]);
  patch(document.getElementById("tools"), tools());
}

/** A fault of a page's own must not end the updates: the next data may be without what it stumbled over. */
function viewed(page) {
  try {
    return page.view(context);
  } catch (fault) {
    console.error(fault);
    return banner({ title: "This page has a fault", message: String(fault) }, false);
  }
}

function banner(error, stale) {
  return h(
    "div",
    { class: "banner bad", role: "alert", key: "banner" },
    h("p", null, h("b", null, `✕ ${error.title ?? "This page has a fault"}`), " ", error.message),
    stale ? h("p", { class: "quiet" }, `What is shown is ${span((Date.now() - state.at) / 1000)} old.`) : null,
    h("button", { type: "button", onclick: refresh }, "Try again"),
  );
}

function unscraped() {
  const failing = state.pods.filter((pod) => pod.failure);
  if (!failing.length) return null;
  return h(
    "details",
    { class: "banner warn", key: "unscraped" },
    h("summary", null, h("b", null, `▲ Metrics of ${plural(failing.length, "pod")} cannot be read`), " – figures are without them"),
    h("ul", null, failing.slice(0, 20).map((pod) => h("li", { key: `${pod.namespace}/${pod.name}` }, `${pod.namespace}/${pod.name}: `, h("span", { class: "quiet" }, pod.failure)))),
    failing.length > 20 ? h("p", { class: "quiet" }, `and ${failing.length - 20} more`) : null,
  );
}

const skeleton = () =>
  h("div", { class: "skeleton", key: "skeleton", role: "status" }, h("span", { class: "hidden" }, "Loading"), Array.from({ length: 6 }, () => h("i", null)));

function tools() {
  const namespaces = [...new Set(state.pods.map((pod) => pod.namespace))].sort();
  if (state.namespace && !namespaces.includes(state.namespace)) namespaces.push(state.namespace);
  const choose = (field) => (event) => {
    state[field] = event.target.value;
    refresh();
  };
  return [
    h(
      "select",
      { "aria-label": "Namespace", value: state.namespace, onchange: choose("namespace"), key: "namespace" },
      h("option", { value: "" }, "all namespaces"),
      namespaces.map((name) => h("option", { value: name, key: name }, name)),
    ),
    h(
      "select",
      { "aria-label": "Window of time", value: state.window, onchange: choose("window"), key: "window" },
      WINDOWS.map((name) => h("option", { value: name }, name)),
    ),
    h(
      "button",
      { type: "button", key: "pause", class: `live ${state.error ? "bad" : state.paused ? "" : "on"}`, "aria-pressed": String(state.paused), onclick: pause, title: "Stop and go on with updates" },
      state.error ? "✕ away" : state.paused ? "‖ paused" : "● live",
    ),
    h("button", { type: "button", key: "theme", class: "icon", "aria-label": "Light or dark", title: "Light or dark", onclick: toggleTheme }, "◐"),
  ];
}

function pause() {
  state.paused = !state.paused;
  announce(state.paused ? "Updates paused" : "Updates go on");
  draw();
  if (state.paused) clearTimeout(timer);
  else refresh();
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // Not kept, then.
  }
}

function announce(text) {
  document.getElementById("live").textContent = text;
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden || state.paused) return;
  if (Date.now() - state.at >= EVERY_MS) refresh();
  else schedule();
});
document.addEventListener("keydown", (event) => {
  const typing = /^(input|select|textarea)$/i.test(event.target.localName ?? "");
  if (event.key === "Escape" && event.target.id === "filter") {
    context.setFilter("");
    main.focus();
  } else if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const box = document.getElementById("filter");
    if (!box) return;
    event.preventDefault();
    box.focus();
  }
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", route);
route();
