// Who calls whom: the graph, and the same as a table.

import { h } from "./dom.js";
import { health, latency, MARKS, percent, rate, WORDS } from "./format.js";
import { layout } from "./layout.js";
import { empty, FEW_FIGURES, filterBox, href, link, lock, mark, matches, padlock, section } from "./parts.js";
import { table } from "./table.js";

const NODE = { width: 168, height: 50, gapX: 90, gapY: 22 };
const NARROW = { width: 150, height: 50, gapX: 54, gapY: 12 };
const RADIUS = 8;
const SMALLEST = 0.66;
const MARGINS = 40;

let focused = null;

async function load(context) {
  const { namespace, kinds } = context;
  const [graph, ...stats] = await Promise.all([
    context.get("graph", { namespace }),
    ...kinds.map((kind) => context.get("stat", { kind, namespace })),
  ]);
  const rows = new Map(stats.flatMap(({ rows: some }) => some).map((row) => [id(row.kind, row.namespace, row.name), row]));
  return { edges: graph.rows.map(edgeOf), rows };
}

const id = (kind, namespace, name) => `${kind}/${namespace}/${name}`;

function edgeOf(row) {
  const [from, to] = [id(row.srcKind, row.srcNamespace, row.src), id(row.dstKind, row.dstNamespace, row.dst)];
  return { key: `${from}>${to}`, from, to, secured: !row.noTlsReason, why: row.noTlsReason, client: row.clientId, server: row.serverId, figures: row };
}

function view(context) {
  const { edges, rows } = context.data;
  const all = new Set([...edges.flatMap(({ from, to }) => [from, to]), ...rows.keys()]);
  const kept = new Set([...all].filter((one) => matches(context, one)));
  const near = edges.filter(({ from, to }) => kept.has(from) || kept.has(to));
  const shown = context.filter ? new Set([...kept, ...near.flatMap(({ from, to }) => [from, to])]) : all;
  if (!all.size) return empty("No meshed workloads here yet.", "Nothing has called anything in this window.");
  return [
    h("div", { class: "toolbar", key: "toolbar" }, filterBox(context, "Filter workloads"), legend()),
    h("section", { class: "panel graph", key: "graph" }, graph(context, [...shown], near)),
    details(context, near),
    section("Edges", `${near.length}`, near.length ? edgeTable(context, near) : empty("No calls in this window.")),
  ];
}

/** A client has no figures of its own: nobody calls it. */
function idle(row, context) {
  const failing = row && context.pods.some((pod) => pod.failure && pod.namespace === row.namespace && pod.workload === `${row.kind}/${row.name}`);
  if (failing) return "not scraped";
  return row ? "takes no requests" : "not measured";
}

const legend = () =>
  h(
    "p",
    { class: "legend" },
    h("span", { class: "lock ok" }, padlock(true), "mTLS"),
    h("span", { class: "lock bad" }, padlock(false), "plain, dashed"),
    ["ok", "warn", "bad", "none"].map((state) => h("span", null, mark(state), " ", WORDS[state])),
  );

function graph(context, nodes, edges) {
  const narrow = matchMedia("(max-width: 640px)").matches;
  const size = narrow ? NARROW : NODE;
  const drawn = layout(nodes, edges, size, narrow);
  const several = new Set(nodes.map((node) => node.split("/")[1])).size > 1;
  const pad = 14;
  const [width, height] = [Math.ceil(drawn.width + 2 * pad), Math.ceil(drawn.height + 2 * pad)];
  // On a phone, a graph that is a little too wide is drawn smaller; one that could not be read any more is pushed about.
  const scale = narrow ? Math.max(SMALLEST, Math.min(1, (document.documentElement.clientWidth - MARGINS) / width)) : 1;
  const pairs = new Set(edges.map(({ key }) => key));
  const lit = focused && (nodes.includes(focused) || edges.some(({ key }) => key === focused)) ? focused : null;
  return h(
    "svg",
    { class: `topology ${lit ? "some" : ""}`, viewBox: `${-pad} ${-pad} ${width} ${height}`, width: Math.floor(width * scale), height: Math.floor(height * scale), role: "group", "aria-label": `${nodes.length} workloads, ${edges.length} edges` },
    h("defs", null, ["ok", "warn", "bad", "none"].map((state) => h("marker", { id: `arrow-${state}`, class: `arrow ${state}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, h("path", { d: "M0 0 8 4 0 8Z" })))),
    edges.map((edge, index) => edgeShape(context, edge, { line: drawn.lines[index], from: drawn.at.get(edge.from), size, narrow, lit, both: pairs.has(`${edge.to}>${edge.from}`) })),
    nodes.map((node) => nodeShape(context, node, drawn.at.get(node), size, several, lit, edges)),
  );
}

const focusOn = (context, key) => ({
  onmouseenter: () => look(context, key),
  onfocus: () => look(context, key),
  onmouseleave: () => look(context, null),
  onblur: () => look(context, null),
});

function look(context, key) {
  if (focused === key || (key === null && document.activeElement?.dataset?.key === focused)) return;
  focused = key;
  context.redraw();
}

function edgeShape(context, edge, { line, from, size, narrow, lit, both }) {
  const state = health(edge.figures.success);
  const d = line.length ? curve(line, narrow) : loop(from, size);
  const middle = line.length ? badgeAt(line, narrow, both ? 0.25 : 0.5) : { x: from.x + size.width / 2 + 14, y: from.y - size.height / 2 - 4 };
  const on = !lit || lit === edge.key || lit === edge.from || lit === edge.to;
  return h(
    "g",
    { key: edge.key, class: `edge ${state} ${edge.secured ? "secured" : "plain"} ${on ? "on" : ""}`, tabindex: 0, role: "img", "aria-label": sentence(edge), "data-key": edge.key, ...focusOn(context, edge.key) },
    h("path", { class: "reach", d }),
    h("path", { class: "line", d, "marker-end": `url(#arrow-${state})` }),
    h("circle", { class: "badge", cx: middle.x, cy: middle.y, r: RADIUS + 1 }),
    padlock(edge.secured, { x: middle.x - 6, y: middle.y - 6 }),
  );
}

function nodeShape(context, node, at, size, several, lit, edges) {
  const [kind, namespace, name] = node.split("/");
  const row = context.data.rows.get(node);
  const state = health(row?.success);
  const beside = lit && edges.some(({ key, from, to }) => (key === lit && (from === node || to === node)) || (from === lit && to === node) || (to === lit && from === node));
  const [x, y] = [at.x - size.width / 2, at.y - size.height / 2];
  const figures = row?.rps == null ? idle(row, context) : `${percent(row.success)} · ${rate(row.rps)} rps`;
  const room = Math.floor((size.width - 34) / 7.2);
  return h(
    "a",
    { key: node, href: href(kind, namespace, name), class: `node ${state} ${!lit || lit === node || beside ? "on" : ""}`, "data-key": node, "aria-label": `${kind} ${namespace}/${name}: ${WORDS[state]}, ${figures}`, ...focusOn(context, node) },
    h("title", null, `${namespace}/${name}`),
    h("rect", { class: "box", x, y, width: size.width, height: size.height, rx: 6 }),
    h("rect", { class: "side", x, y: y + 6, width: 3, height: size.height - 12 }),
    h("text", { class: "title", x: x + 14, y: y + 21 }, name.length > room ? `${name.slice(0, room - 1)}…` : name),
    h("text", { class: "figures", x: x + 14, y: y + 38 }, figures),
    h("text", { class: "sign", x: x + size.width - 12, y: y + 21, "text-anchor": "end" }, MARKS[state]),
    several ? h("text", { class: "space", x: x + 2, y: y - 4 }, namespace) : null,
  );
}

function sentence(edge) {
  const name = (one) => one.split("/").slice(1).join("/");
  const { figures } = edge;
  const measured = figures.rps !== null ? `${percent(figures.success)} success, ${rate(figures.rps)} requests per second` : "not measured";
  return `${name(edge.from)} calls ${name(edge.to)}: ${edge.secured ? "mutual TLS" : `not secured, ${edge.why}`}; ${measured}`;
}

/** What is under the pointer or the focus, in words. Its room is always there, so that nothing jumps. */
function details(context, edges) {
  const edge = edges.find(({ key }) => key === focused);
  const row = focused && context.data.rows.get(focused);
  let said = "Point at an edge or a workload, or walk with Tab; Enter opens a workload.";
  if (edge) {
    const { figures } = edge;
    said = [h("b", null, sentence(edge)), figures.rps === null ? "" : `; P50 ${latency(figures.latencyP50)}, P99 ${latency(figures.latencyP99)}`, edge.secured ? `; ${edge.client || "?"} → ${edge.server || "?"}` : ""];
  } else if (row) {
    said = [h("b", null, `${row.namespace}/${row.name}`), `: ${percent(row.success)} of ${rate(row.rps)} requests per second, P50 ${latency(row.latencyP50)}, P95 ${latency(row.latencyP95)}, P99 ${latency(row.latencyP99)}; ${row.meshed}/${row.total} pods meshed`];
  }
  return h("p", { class: `details ${edge || row ? "" : "quiet"}`, key: "details" }, said);
}

function edgeTable(context, edges) {
  const several = new Set(edges.flatMap(({ from, to }) => [from.split("/")[1], to.split("/")[1]])).size > 1;
  const end = (field) => (edge) => link(...edge[field].split("/"), several);
  const figures = FEW_FIGURES.map((column) => ({ ...column, value: (edge) => column.value(edge.figures), cell: (edge) => column.cell(edge.figures) }));
  const columns = [
    { id: "from", label: "From", value: (edge) => edge.from, cell: end("from") },
    { id: "to", label: "To", value: (edge) => edge.to, cell: end("to") },
    { id: "tls", label: "TLS", value: (edge) => (edge.secured ? 1 : 0), cell: (edge) => lock(edge.secured, edge.why) },
    ...figures,
  ];
  return table({ id: "edges", caption: "Edges", columns, rows: edges, key: (edge) => edge.key, redraw: context.redraw });
}

function curve(points, vertical) {
  return points
    .map(({ x, y }, index) => {
      if (!index) return `M${x} ${y}`;
      const before = points[index - 1];
      const [mx, my] = [(before.x + x) / 2, (before.y + y) / 2];
      return vertical ? `C${before.x} ${my} ${x} ${my} ${x} ${y}` : `C${mx} ${before.y} ${mx} ${y} ${x} ${y}`;
    })
    .join("");
}

const loop = (at, size) => {
  const [x, y] = [at.x + size.width / 2, at.y - size.height / 2];
  return `M${x - 30} ${y}C${x - 30} ${y - 26} ${x + 30} ${y - 10} ${x} ${y + 16}`;
};

/** A point of the curve's longest piece; `t` from 0 to 1 says where on it. */
function badgeAt(points, vertical, t) {
  let end = 1;
  const length = (i) => Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y);
  for (let i = 2; i < points.length; i += 1) if (length(i) > length(end)) end = i;
  const [a, b] = [points[end - 1], points[end]];
  // The Bezier curve that `curve` draws: both inner points lie at the middle of the way along.
  const along = (from, to) => from * (1 - t) ** 3 + ((from + to) / 2) * 3 * t * (1 - t) + to * t ** 3;
  const across = (from, to) => from * ((1 - t) ** 3 + 3 * t * (1 - t) ** 2) + to * (3 * t ** 2 * (1 - t) + t ** 3);
  return vertical ? { x: across(a.x, b.x), y: along(a.y, b.y) } : { x: along(a.x, b.x), y: across(a.y, b.y) };
}

export const topology = { id: "topology", title: () => "Topology", load, view, leave: () => { focused = null; } };
