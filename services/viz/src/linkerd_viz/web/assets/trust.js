// What the mesh lives on: certificates with the time that they have left, the control plane, the proxies.

import { h } from "./dom.js";
import { span } from "./format.js";
import { empty, filterBox, mark, matches, section, tile, tiles, within } from "./parts.js";
import { table } from "./table.js";

const HOUR = 3600;
const DAY = 86400;
// Seconds left that warn, and that are a failure. Anchors and issuers as `linkerd check` has it; leaves live a day and
// are renewed after 70 % of it.
const LIMITS = { anchor: [60 * DAY, 7 * DAY], issuer: [60 * DAY, 7 * DAY], leaf: [6 * HOUR, HOUR] };
const CONTROL_PLANE = ["linkerd-destination", "linkerd-identity", "linkerd-proxy-injector"];

async function load(context) {
  const { rows } = await context.get("certificates", {});
  return { rows };
}

const left = (row) => (Date.parse(row.notAfter) - Date.now()) / 1000;

function urgency(row) {
  const [warn, bad] = LIMITS[row.what] ?? LIMITS.leaf;
  const seconds = left(row);
  if (Number.isNaN(seconds)) return "none";
  if (seconds < bad) return "bad";
  return seconds < warn ? "warn" : "ok";
}

function remaining(row) {
  const state = urgency(row);
  const seconds = left(row);
  const words = { ok: "valid", warn: "ends soon", bad: seconds < 0 ? "has ended" : "ends very soon", none: "unknown" }[state];
  return h("span", { class: `left ${state}`, title: row.notAfter }, mark(state, words), " ", Number.isNaN(seconds) ? "–" : seconds < 0 ? `ended ${span(-seconds)} ago` : span(seconds));
}

function view(context) {
  const { rows } = context.data;
  const trust = rows.filter((row) => row.what === "anchor" || row.what === "issuer");
  const leaves = rows.filter((row) => !trust.includes(row) && (!context.namespace || row.what.startsWith(`${context.namespace}/`)));
  const shown = leaves.filter((row) => matches(context, row.what, row.subject));
  const kinds = { anchor: "Trust anchor", issuer: "Issuer" };
  return [
    trust.length
      ? tiles(trust.map((row, index) => ({ ...tile(kinds[row.what], remaining(row), row.subject || row.notAfter.slice(0, 10), urgency(row)), key: `${row.what}${index}` })))
      : h("p", { class: "banner warn", key: "silent" }, h("b", null, "▲ Identity does not answer"), " – anchors and issuer are not known now; proxies' own certificates are below."),
    controlPlane(context),
    section(
      "Workload certificates",
      String(leaves.length),
      h("div", { class: "toolbar" }, filterBox(context, "Filter pods")),
      shown.length ? leafTable(context, shown) : empty(leaves.length ? "Nothing matches." : "No proxy has told of its certificate yet."),
    ),
    versions(context),
  ];
}

function leafTable(context, rows) {
  const columns = [
    { id: "pod", label: "Pod", value: (row) => row.what, cell: (row) => podLink(row.what) },
    { id: "identity", label: "Identity", wide: true, value: (row) => row.subject, cell: (row) => row.subject || "–" },
    { id: "left", label: "Time left", num: true, value: left, cell: remaining },
    { id: "until", label: "Until", num: true, wide: true, value: left, cell: (row) => row.notAfter.replace("T", " ").replace("Z", " UTC") },
  ];
  return table({ id: "certificates", caption: "Certificates of proxies", columns, rows, key: (row) => row.what, redraw: context.redraw, first: { by: "left", down: false } });
}

function podLink(what) {
  const [namespace, name] = what.split("/");
  return h("a", { class: "name", href: `#/workload/pod/${encodeURIComponent(namespace)}/${encodeURIComponent(name ?? "")}` }, within(namespace), name);
}

function controlPlane(context) {
  const core = (pod) => CONTROL_PLANE.includes(pod.workload.split("/")[1]);
  const viz = context.pods.filter((pod) => pod.workload === "deployment/metrics-api").map((pod) => pod.namespace);
  const pods = context.pods.filter((pod) => core(pod) || viz.includes(pod.namespace));
  const columns = [
    { id: "component", label: "Component", value: (pod) => pod.workload, cell: (pod) => pod.workload.split("/")[1] },
    { id: "pod", label: "Pod", wide: true, value: (pod) => pod.name, cell: (pod) => [within(pod.namespace), pod.name] },
    { id: "status", label: "Status", value: (pod) => pod.status, cell: (pod) => [mark(pod.status === "Running" ? "ok" : "bad", pod.status), " ", pod.status || "unknown"] },
  ];
  const missing = CONTROL_PLANE.filter((name) => !pods.some((pod) => pod.workload === `deployment/${name}`));
  return section(
    "Control plane",
    missing.length ? `✕ not there: ${missing.join(", ")}` : "every part is there",
    pods.length ? table({ id: "control", caption: "Control plane", columns, rows: pods, key: (pod) => `${pod.namespace}/${pod.name}`, redraw: context.redraw }) : empty("No pods of a control plane."),
  );
}

function versions(context) {
  const counts = new Map();
  for (const pod of context.pods) if (pod.meshed) counts.set(pod.proxyVersion || "unknown", (counts.get(pod.proxyVersion || "unknown") ?? 0) + 1);
  if (!counts.size) return null;
  const shown = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return section("Proxies", shown.length > 1 ? "▲ several versions" : "one version", h("p", { class: "chips" }, shown.map(([version, count]) => h("span", { class: "chip", key: version }, `${version} × ${count}`))));
}

export const trust = { id: "trust", title: () => "Certificates and control plane", load, view };
