// Live requests of one workload: bounded rows, filters, pause. Nothing is tapped before somebody asks.

import { tap } from "./api.js";
import { h } from "./dom.js";
import { bytes, latency } from "./format.js";
import { empty, lock, section } from "./parts.js";

const MOST_ROWS = 200;
const FILTERS = [
  ["method", "Method", "GET"],
  ["path", "Path begins with", "/"],
  ["authority", "Authority", "web-svc.emojivoto:80"],
];
const GRPC = ["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"];

const fresh = () => ({ rows: new Map(), controller: null, paused: false, missed: 0, dropped: 0, error: null, filters: {} });
let state = fresh();
let frame = 0;

export function stopTap() {
  state.controller?.abort();
  state = fresh();
}

async function start(context, query) {
  state.controller?.abort();
  const controller = new AbortController();
  Object.assign(state, { controller, rows: new Map(), missed: 0, dropped: 0, error: null, paused: false });
  context.redraw();
  const mine = state;
  try {
    for await (const event of tap(query, controller.signal)) take(event, context);
  } catch (error) {
    if (!controller.signal.aborted) mine.error = error;
  }
  if (mine.controller === controller) mine.controller = null;
  context.redraw();
}

function take(event, context) {
  const { source, destination, direction } = event;
  const key = [event.base, event.stream, direction, source.ip, source.port, destination.ip].join(" ");
  state.dropped = Math.max(state.dropped, event.dropped ?? 0);
  if (state.paused) {
    if (event.requestInit) state.missed += 1;
    if (!state.rows.has(key)) return;
  }
  if (event.requestInit) {
    state.rows.set(key, { key, direction, source, destination, ...event.requestInit });
    if (state.rows.size > MOST_ROWS) state.rows.delete(state.rows.keys().next().value);
  } else {
    const row = state.rows.get(key);
    if (row && event.responseInit) row.response = event.responseInit;
    if (row && event.responseEnd) row.end = event.responseEnd;
  }
  // A busy workload has more events than a screen has pictures.
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    context.redraw();
  });
}

export function tapPanel(context, resource, pods) {
  const ready = pods.some((pod) => pod.tap);
  const running = state.controller !== null;
  const submit = (event) => {
    event.preventDefault();
    if (running) state.controller.abort();
    else start(context, { ...resource, ...filled(), maxRps: 100 });
  };
  return section(
    "Live requests",
    running ? (state.paused ? `paused, ${state.missed} not shown` : `the last ${MOST_ROWS}`) : "tap",
    h(
      "form",
      { class: "toolbar tap", onsubmit: submit },
      FILTERS.map(([name, label, example]) => h("label", { key: name }, h("span", null, label), h("input", { name, placeholder: example, disabled: running, value: state.filters[name] ?? "", autocomplete: "off", spellcheck: "false", oninput: (event) => { state.filters[name] = event.target.value; } }))),
      h("button", { type: "submit", key: "start", class: "primary", disabled: !ready && !running }, running ? "Stop" : "Start"),
      running ? h("button", { type: "button", key: "pause", "aria-pressed": String(state.paused), onclick: () => pause(context) }, state.paused ? "Go on" : "Pause") : null,
      state.rows.size ? h("button", { type: "button", key: "clear", onclick: () => { state.rows.clear(); context.redraw(); } }, "Clear") : null,
    ),
    state.error ? h("p", { class: "banner bad", role: "alert" }, h("b", null, `✕ ${state.error.title ?? "Tap ended"}`), " ", state.error.message) : null,
    state.dropped ? h("p", { class: "warn" }, `▲ ${state.dropped} events were lost: there are more than can be followed.`) : null,
    state.rows.size ? rows(context) : idle(ready, running),
  );
}

function idle(ready, running) {
  if (running) return empty("Waiting for a request…");
  if (!ready) return empty("None of its pods can be tapped.", "Tap is on in pods that were injected since viz was installed: restart them.");
  return empty("Nothing is tapped.", "Start shows each request as the proxies see it. Header values are never asked for.");
}

const filled = () => Object.fromEntries(Object.entries(state.filters).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));

function pause(context) {
  state.paused = !state.paused;
  state.missed = 0;
  context.redraw();
}

function rows() {
  const heads = ["", "From → to", "Request", "Status", "Latency", "Size", "TLS"];
  return h(
    "div",
    { class: "scroll taprows" },
    h(
      "table",
      null,
      h("caption", { class: "hidden" }, "Requests, newest first"),
      h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col" }, head || h("span", { class: "hidden" }, "Direction"))))),
      h("tbody", null, [...state.rows.values()].reverse().map(line)),
    ),
  );
}

function line(row) {
  const inbound = row.direction === "inbound";
  const peer = inbound ? row.source : row.destination;
  const secured = peer.metadata?.tls ?? row.destination.metadata?.tls ?? row.source.metadata?.tls;
  return h(
    "tr",
    { key: row.key },
    h("td", { title: row.direction }, inbound ? "in ←" : "out →"),
    h("td", null, named(row.source), " → ", named(row.destination)),
    h("th", { scope: "row" }, h("b", null, row.method), " ", h("span", { class: "route" }, row.path), h("div", { class: "quiet" }, row.authority)),
    h("td", null, status(row)),
    h("td", { class: "num" }, row.end ? latency(row.end.sinceRequestInitUs / 1000) : row.response ? latency(row.response.sinceRequestInitUs / 1000) : "…"),
    h("td", { class: "num" }, row.end ? bytes(row.end.responseBytes) : "…"),
    h("td", null, secured === undefined ? "–" : lock(secured === "true", secured)),
  );
}

function named({ ip, port, metadata = {} }) {
  const kind = ["deployment", "statefulset", "daemonset", "job", "pod"].find((one) => metadata[one]);
  return h("span", { title: `${ip}:${port}` }, kind ? metadata[kind] : `${ip}:${port}`);
}

function status({ response, end }) {
  if (end?.resetCode != null) return h("span", { class: "bad" }, `✕ reset ${end.resetCode}`);
  if (!response) return "…";
  const grpc = end?.grpcStatus;
  const failed = response.httpStatus >= 500 || (grpc != null && grpc !== 0);
  const text = grpc == null ? String(response.httpStatus) : `${response.httpStatus} ${GRPC[grpc] ?? grpc}`;
  return h("span", { class: failed ? "bad" : "" }, failed ? `✕ ${text}` : text);
}
