// Pieces that several pages show.

import { h } from "./dom.js";
import { health, latency, MARKS, NONE, percent, rate, shortKind, WORDS } from "./format.js";

/** A mark whose form, colour and words say the same. */
export function mark(state, words = WORDS[state]) {
  return h("span", { class: `mark ${state}`, title: words }, h("span", { "aria-hidden": "true" }, MARKS[state]), h("span", { class: "hidden" }, words));
}

export function success(value, why = "no requests to judge") {
  const state = health(value);
  const bar = h("span", { class: `bar ${state}`, "aria-hidden": "true" }, h("i", { style: { width: `${(value ?? 0) * 100}%` } }));
  return h("span", { class: `success ${state}`, title: value == null ? why : WORDS[state] }, mark(state), h("span", { class: "num" }, percent(value)), bar);
}

export function lock(secured, why = "") {
  const words = secured ? "mutual TLS" : `not secured: ${why || "unknown"}`;
  return h("span", { class: `lock ${secured ? "ok" : "bad"}`, title: words }, padlock(secured), h("span", null, secured ? "mTLS" : why || "plain"), h("span", { class: "hidden" }, words));
}

/** A padlock of 12 by 12, closed or open. */
export function padlock(secured, props = {}) {
  return h(
    "svg",
    { class: `padlock ${secured ? "closed" : "open"}`, width: 12, height: 12, viewBox: "0 0 12 12", "aria-hidden": "true", ...props },
    h("path", { class: "shackle", d: secured ? "M3.5 5.5V3.6a2.5 2.5 0 0 1 5 0v1.9" : "M3.5 5.5V3.2a2.5 2.5 0 0 1 4.9-.7" }),
    h("rect", { x: 2, y: 5.5, width: 8, height: 5.5, rx: 1 }),
  );
}

export const href = (kind, namespace, name) =>
  `#/workload/${[kind, namespace, name].map(encodeURIComponent).join("/")}`;

/** "namespace/" before a name; a line is broken after it rather than in the name. */
export const within = (namespace) => [h("span", { class: "quiet" }, `${namespace}/`), h("wbr", null)];

export function link(kind, namespace, name, withNamespace = false) {
  return h(
    "a",
    { class: "name", href: href(kind, namespace, name) },
    withNamespace ? within(namespace) : null,
    name,
    kind === "deployment" ? null : h("span", { class: "kind" }, shortKind(kind)),
  );
}

export function tile(label, value, note, state) {
  return h("div", { class: `tile ${state ?? ""}`, key: label }, h("dt", null, label), h("dd", null, value, note ? h("small", null, note) : null));
}

export const tiles = (...shown) => h("dl", { class: "tiles" }, shown);

/** The columns of figures, for the table. */
export const FIGURES = [
  { id: "success", label: "Success", num: true, value: (row) => row.success, cell: (row) => success(row.success) },
  { id: "rps", label: "RPS", title: "requests per second", num: true, value: (row) => row.rps, cell: (row) => rate(row.rps) },
  { id: "p50", label: "P50", title: "half of the requests were faster", num: true, wide: true, value: (row) => row.latencyP50, cell: (row) => latency(row.latencyP50) },
  { id: "p95", label: "P95", title: "95 of 100 requests were faster", num: true, wide: true, value: (row) => row.latencyP95, cell: (row) => latency(row.latencyP95) },
  { id: "p99", label: "P99", title: "99 of 100 requests were faster", num: true, value: (row) => row.latencyP99, cell: (row) => latency(row.latencyP99) },
];

/** Those that there is room for on a phone beside other columns: success and rate. */
export const FEW_FIGURES = FIGURES.map((column) => ({ ...column, wide: !["success", "rps"].includes(column.id) }));

export function section(title, note, ...content) {
  return h("section", { class: "panel", key: title }, h("h2", null, title, note ? h("small", null, note) : null), content);
}

export const empty = (title, hint) => h("div", { class: "empty" }, h("p", null, title), hint ? h("p", { class: "quiet" }, hint) : null);

export const code = (text) => h("code", null, text);

export function filterBox(context, label) {
  return h(
    "label",
    { class: "filter" },
    h("span", { class: "hidden" }, label),
    h("input", { id: "filter", type: "search", placeholder: `${label}   /`, autocomplete: "off", spellcheck: "false", value: context.filter, oninput: (event) => context.setFilter(event.target.value) }),
  );
}

export const matches = (context, ...texts) => {
  const wanted = context.filter.trim().toLowerCase();
  return !wanted || texts.some((text) => text?.toLowerCase().includes(wanted));
};

/** Why a workload has no figures, in words. */
export function whyNot(row, failures) {
  if (row.total === 0) return "no pods";
  if (row.meshed === 0) return "not meshed";
  if (failures.length >= row.meshed) return "not scraped";
  return row.rps == null ? "no requests seen" : NONE;
}
