// One workload: over time, who calls it, what it calls, its routes, pods, policy and live requests.

import { chart, HISTORY } from "./chart.js";
import { h } from "./dom.js";
import { bytes, latency, percent, rate, shortKind } from "./format.js";
import { empty, FEW_FIGURES, FIGURES, link, lock, mark, section, success, tile, tiles, whyNot } from "./parts.js";
import { policyTable } from "./policy.js";
import { table } from "./table.js";
import { stopTap, tapPanel } from "./tap.js";

async function load(context) {
  const [kind, namespace, name] = context.args;
  const me = { kind, namespace, name };
  const kinds = [...new Set(context.pods.filter((pod) => pod.workload).map((pod) => pod.workload.split("/")[0]))].sort();
  const other = (side) => ({ [`${side}_kind`]: kind, [`${side}_name`]: name, [`${side}_namespace`]: namespace });
  const each = (parameters) => Promise.all(kinds.map((one) => context.get("stat", { kind: one, ...parameters })));
  const [stat, history, callers, called, edges, inbound, outbound, authz] = await Promise.all([
    context.get("stat", me),
    context.get("history", { ...me, window: HISTORY }),
    each(other("to")),
    each(other("from")),
    context.get("edges", { kind, namespace }),
    context.get("routes", me),
    context.get("routes", { ...me, to_kind: "namespace" }),
    context.get("authz", me),
  ]);
  const moved = (answers) => answers.flatMap(({ rows }) => rows).filter((row) => row.rps || row.tcpOpenConnections);
  return {
    row: stat.rows[0],
    history: history.entries[0],
    callers: moved(callers),
    called: moved(called),
    edges: edges.rows,
    inbound: inbound.rows,
    // Profiles of services that it does not call have rows too.
    outbound: outbound.rows.filter((row) => row.rps || row.actualRps),
    authz: authz.rows,
    pods: context.pods.filter((pod) => pod.namespace === namespace && (pod.workload === `${kind}/${name}` || (kind === "pod" && pod.name === name))),
  };
}

function view(context) {
  const [kind, namespace, name] = context.args;
  const { row, history, callers, called, inbound, outbound, authz, pods } = context.data;
  if (!row && !pods.length) return empty(`There is no ${kind} ${namespace}/${name}.`, h("a", { href: "#/" }, "To the overview"));
  return [
    h("p", { class: "crumbs", key: "crumbs" }, h("a", { href: "#/" }, "Overview"), " / ", namespace, " / ", h("span", { class: "kind" }, shortKind(kind))),
    figures(row, pods),
    history ? charts(history) : null,
    h(
      "div",
      { class: "columns", key: "columns" },
      section("Inbound", "who calls it", neighbours(context, "inbound", callers, (other) => [other, { namespace, name, kind }])),
      section("Outbound", "what it calls", neighbours(context, "outbound", called, (other) => [{ namespace, name, kind }, other])),
    ),
    section("Routes", "requests that it takes", routeTable(context, "inbound routes", inbound, false)),
    outbound.length ? section("Routes that it calls", "effective: requests; actual: with retries", routeTable(context, "outbound routes", outbound, true)) : null,
    section("Policy", "who may call it, and who was refused", authz.length ? policyTable(context, authz, "workload policy") : empty("No Server guards its ports: the default policy decides.")),
    section("Pods", String(pods.length), podTable(context, pods)),
    tapPanel(context, { kind, namespace, name }, pods),
  ];
}

function figures(row, pods) {
  const failures = pods.filter((pod) => pod.failure);
  if (!row || (row.rps == null && row.tcpOpenConnections == null)) {
    const why = whyNot(row ?? { total: pods.length, meshed: 0, rps: null }, failures);
    return h("p", { class: "state", key: "state" }, mark("none", why), ` ${why}: there are no figures, which does not mean that there is no traffic.`);
  }
  return tiles(
    tile("Success", success(row.success)),
    tile("Requests", [rate(row.rps), " /s"]),
    tile("P50", latency(row.latencyP50), `P95 ${latency(row.latencyP95)}, P99 ${latency(row.latencyP99)}`),
    tile("TCP", [row.tcpOpenConnections ?? "–", " open"], `${bytes(row.tcpReadBytesRate)}/s in, ${bytes(row.tcpWriteBytesRate)}/s out`),
    tile("Meshed", `${row.meshed}/${row.total}`, failures.length ? `${failures.length} not scraped` : "pods"),
  );
}

const charts = (history) =>
  h(
    "div",
    { class: "charts", key: "charts" },
    chart({ title: "Success", times: history.times, format: percent, top: 1, series: [{ name: "success", label: "", values: history.success }] }),
    chart({ title: "Requests /s", times: history.times, format: rate, series: [{ name: "rps", label: "", values: history.rps }] }),
    chart({
      title: "Latency",
      times: history.times,
      format: latency,
      series: [
        { name: "p50", label: "P50", values: history.latencyP50 },
        { name: "p95", label: "P95", values: history.latencyP95 },
        { name: "p99", label: "P99", values: history.latencyP99 },
      ],
    }),
  );

function neighbours(context, id, rows, ends) {
  if (!rows.length) return empty(id === "inbound" ? "No meshed workload called it in this window." : "It called nothing in the mesh in this window.");
  const tls = (row) => {
    const [from, to] = ends(row);
    const edge = context.data.edges.find((one) => one.src === from.name && one.srcNamespace === from.namespace && one.dst === to.name && one.dstNamespace === to.namespace);
    return edge ? lock(!edge.noTlsReason, edge.noTlsReason) : "–";
  };
  const columns = [
    { id: "name", label: "Workload", value: (row) => row.name, cell: (row) => link(row.kind, row.namespace, row.name, row.namespace !== context.args[1]) },
    { id: "tls", label: "TLS", value: (row) => row.name, cell: tls },
    ...FIGURES,
  ];
  return table({ id, caption: id, columns, rows, key: (row) => `${row.kind}/${row.namespace}/${row.name}`, redraw: context.redraw });
}

function routeTable(context, id, rows, actual) {
  if (!rows.length) return empty("No routes: a ServiceProfile or HTTPRoute names them.");
  const more = [
    { id: "asuccess", label: "Actual", title: "success of attempts, retries included", num: true, value: (row) => row.actualSuccess, cell: (row) => success(row.actualSuccess) },
    { id: "arps", label: "Actual RPS", num: true, wide: true, value: (row) => row.actualRps, cell: (row) => rate(row.actualRps) },
  ];
  const columns = [
    { id: "route", label: "Route", value: (row) => row.route, cell: (row) => h("span", { class: "route" }, row.route) },
    { id: "service", label: "Service", wide: true, value: (row) => row.service, cell: (row) => row.service },
    FIGURES[0],
    ...(actual ? [more[0]] : []),
    FIGURES[1],
    ...(actual ? [more[1]] : []),
    ...(actual ? FEW_FIGURES : FIGURES).slice(2),
  ];
  return table({ id, caption: id, columns, rows, key: (row) => `${row.service} ${row.route}`, redraw: context.redraw });
}

function podTable(context, pods) {
  const columns = [
    { id: "pod", label: "Pod", value: (pod) => pod.name, cell: (pod) => h("a", { class: "name", href: `#/workload/pod/${encodeURIComponent(pod.namespace)}/${encodeURIComponent(pod.name)}` }, pod.name) },
    { id: "status", label: "Status", value: (pod) => pod.status, cell: (pod) => pod.status || "–" },
    { id: "meshed", label: "Proxy", value: (pod) => pod.proxyVersion, cell: (pod) => (pod.meshed ? pod.proxyVersion || "yes" : "not meshed") },
    { id: "scraped", label: "Metrics", value: (pod) => pod.failure, cell: (pod) => (pod.failure ? h("span", { class: "warn" }, `▲ not scraped: ${pod.failure}`) : pod.meshed ? "read" : "–") },
    { id: "tap", label: "Tap", wide: true, value: (pod) => (pod.tap ? 1 : 0), cell: (pod) => (pod.tap ? "yes" : "no") },
  ];
  return table({ id: "pods", caption: "Pods", columns, rows: pods, key: (pod) => pod.name, redraw: context.redraw });
}

export const workload = { id: "workload", title: (args) => args[2], load, view, leave: stopTap };
