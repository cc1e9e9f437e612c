// Namespaces and their workloads.

import { HISTORY, spark } from "./chart.js";
import { h } from "./dom.js";
import { combined, latency, rate, sum } from "./format.js";
import { code, empty, FIGURES, filterBox, link, mark, matches, success, tile, tiles, whyNot } from "./parts.js";
import { table } from "./table.js";

let unmeshed = false;

async function load(context) {
  const { namespace, kinds } = context;
  const ask = (name, parameters) => Promise.all(kinds.map((kind) => context.get(name, { kind, namespace, ...parameters })));
  const [spaces, stats, histories] = await Promise.all([
    context.get("stat", { kind: "namespace", name: namespace }),
    ask("stat", { unmeshed: unmeshed ? "true" : "" }),
    ask("history", { window: HISTORY }),
  ]);
  const past = new Map(histories.flatMap(({ entries }) => entries).map((entry) => [id(entry), entry]));
  return { spaces: new Map(spaces.rows.map((row) => [row.name, row])), rows: stats.flatMap(({ rows }) => rows), past };
}

const id = (row) => `${row.kind}/${row.namespace}/${row.name}`;

function columns(context) {
  const failing = (row) => context.pods.filter((pod) => pod.failure && pod.namespace === row.namespace && pod.workload === `${row.kind}/${row.name}`);
  const [rate_, rps, ...latencies] = FIGURES;
  const name = {
    id: "name",
    label: "Workload",
    value: (row) => row.name,
    cell: (row) => [link(row.kind, row.namespace, row.name), some(row, failing(row).length)],
    group: (row) => row.name,
  };
  const meshed = {
    id: "meshed",
    label: "Meshed",
    num: true,
    wide: true,
    title: "pods with a proxy, of all pods",
    value: (row) => (row.total ? row.meshed / row.total : null),
    cell: (row) => h("span", { class: row.meshed < row.total ? "warn" : "" }, `${row.meshed}/${row.total}`),
  };
  const judged = {
    ...rate_,
    cell: (row) => {
      const why = row.success == null && row.rps !== 0 ? whyNot(row, failing(row)) : "";
      return why && why !== "–" ? h("span", { class: "quiet why" }, mark("none", why), " ", why) : success(row.success);
    },
    group: (row) => success(row.success),
  };
  const trend = {
    ...rps,
    cell: (row) => h("span", { class: "trend" }, spark(context.data.past.get(id(row))?.rps), h("span", null, rate(row.rps))),
    group: rps.cell,
  };
  return [name, meshed, judged, trend, ...latencies];
}

/** Where all of its pods fail and nothing is left of before, the figures' own place says so. */
const some = (row, count) => (count && (count < row.meshed || row.rps != null) ? h("span", { class: "tag warn" }, `▲ ${count} of ${row.meshed} not scraped`) : null);

function view(context) {
  const { rows, spaces } = context.data;
  const shown = rows.filter((row) => matches(context, row.name, row.namespace, row.kind));
  const names = [...new Set(shown.map((row) => row.namespace))].sort();
  const groups = names.map((name) => ({
    key: name,
    head: spaces.get(name) ?? { name, namespace: name, kind: "namespace", meshed: 0, total: 0 },
    rows: shown.filter((row) => row.namespace === name),
  }));
  const toggle = (event) => {
    unmeshed = event.target.checked;
    context.refresh();
  };
  return [
    rows.length ? summary(rows, context) : null,
    h(
      "div",
      { class: "toolbar", key: "toolbar" },
      filterBox(context, "Filter workloads"),
      h("label", null, h("input", { type: "checkbox", checked: unmeshed, onchange: toggle }), " also what is not meshed"),
    ),
    groups.length
      ? h("section", { class: "panel", key: "table" }, table({ id: "overview", caption: "Workloads by namespace", columns: columns(context), groups, key: id, redraw: context.redraw }))
      : nothing(context, rows),
  ];
}

function nothing(context, rows) {
  if (rows.length) return empty(`Nothing matches “${context.filter}”.`, "Escape clears the filter.");
  return empty("No meshed workloads here yet.", [
    "Mesh one: ",
    code("kubectl get deploy web -o yaml | linkerd inject - | kubectl apply -f -"),
    ". Figures come with the second scrape, seconds later.",
  ]);
}

function summary(rows, context) {
  const spaces = new Set(context.pods.filter((pod) => pod.meshed).map((pod) => pod.namespace));
  const inside = context.pods.filter((pod) => spaces.has(pod.namespace) && (!context.namespace || pod.namespace === context.namespace));
  const meshed = inside.filter((pod) => pod.meshed).length;
  const failing = rows.filter((row) => row.success != null && row.success < 0.95).length;
  const slow = Math.max(...rows.map((row) => row.latencyP99 ?? -1));
  return tiles(
    tile("Success", success(combined(rows)), failing ? `${failing} failing` : "all requests"),
    tile("Requests", [rate(sum(rows, "rps")), " /s"], "taken by workloads"),
    tile("Slowest P99", slow < 0 ? "–" : latency(slow), rows.find((row) => row.latencyP99 === slow)?.name ?? ""),
    tile("Pods in the mesh", `${meshed}/${inside.length}`, inside.some((pod) => pod.failure) ? `${inside.filter((pod) => pod.failure).length} not scraped` : "all scraped"),
  );
}

export const overview = { id: "overview", title: () => "Overview", load, view };
