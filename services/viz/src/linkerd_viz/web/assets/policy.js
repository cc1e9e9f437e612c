// Who may call, who was refused, and by which rule: what the servers' proxies have counted.

import { h } from "./dom.js";
import { plural, rate, sum } from "./format.js";
import { code, empty, FEW_FIGURES, filterBox, mark, matches, section, tile, tiles, within } from "./parts.js";
import { table } from "./table.js";

const MOST_CLIENTS = 4;

async function load(context) {
  const { rows } = await context.get("authz", { kind: "namespace", name: context.namespace });
  return { rows };
}

const denied = (row) => !row.authorization;
const id = (row) => `${row.namespace} ${row.server} ${row.route} ${row.authorization}`;

function view(context) {
  const { rows } = context.data;
  const shown = rows.filter((row) => matches(context, row.namespace, row.server, row.route, row.authorization, ...row.clients));
  const refused = rows.filter(denied);
  return [
    tiles(
      tile("Denied", [mark(refused.length ? "bad" : "ok", refused.length ? "somebody was refused" : "nobody was refused"), " ", rate(sum(refused, "deniedRps") ?? 0), " /s"], refused.length ? `at ${plural(new Set(refused.map((row) => row.server)).size, "server")}` : "nobody in this window", refused.length ? "bad" : "ok"),
      tile("Allowed", [rate(sum(rows, "rps")), " /s"], `by ${plural(new Set(rows.filter((row) => !denied(row)).map((row) => row.authorization)).size, "rule")}`),
      tile("Servers", String(new Set(rows.map((row) => `${row.namespace}/${row.server}`)).size), "with traffic"),
    ),
    h("div", { class: "toolbar", key: "toolbar" }, filterBox(context, "Filter servers, rules, clients")),
    refused.length ? section("Denied", "who was refused, and where", deniedTable(context, shown.filter(denied))) : null,
    section("Allowed", "which authorization let whom in", allowed(context, rows, shown)),
    h("p", { class: "quiet", key: "hint" }, "Counted by the proxies of the servers in this window. Try a change before it is applied: ", code("linkerd policy test -f new.yaml"), "; one request: ", code("linkerd explain"), "."),
  ];
}

function allowed(context, rows, shown) {
  if (!rows.length) return empty("No traffic met a policy in this window.", "Servers and AuthorizationPolicies say who may call; without them the default policy decides.");
  const some = shown.filter((row) => !denied(row));
  return some.length ? policyTable(context, some, "allowed") : empty("Nothing matches.");
}

const NAMES = [
  { id: "server", label: "Server", value: (row) => `${row.namespace}/${row.server}`, cell: (row) => [within(row.namespace), row.server] },
  { id: "route", label: "Route", wide: true, value: (row) => row.route, cell: (row) => h("span", { class: "route" }, row.route) },
];

function deniedTable(context, rows) {
  if (!rows.length) return empty("Nothing matches.");
  const columns = [
    ...NAMES,
    { id: "clients", label: "Refused clients", value: (row) => row.clients[0] ?? "", cell: (row) => clients(row.clients) },
    { id: "rule", label: "Why", wide: true, value: (row) => row.route, cell: (row) => `no authorization of ${row.server}${row.route === "default" ? "" : `, route ${row.route},`} lets them in` },
    { id: "denied", label: "Denied /s", num: true, value: (row) => row.deniedRps, cell: (row) => h("b", { class: "bad" }, `✕ ${rate(row.deniedRps)}`) },
  ];
  return table({ id: "denied", caption: "Denied requests", columns, rows, key: id, redraw: context.redraw, first: { by: "denied", down: true } });
}

/** Allowed and denied, by authorization. */
export function policyTable(context, rows, name) {
  const columns = [
    ...NAMES,
    { id: "rule", label: "Authorization", value: (row) => row.authorization, cell: (row) => (denied(row) ? h("b", { class: "bad" }, "✕ denied") : rule(row.authorization)) },
    { id: "clients", label: "Clients", value: (row) => row.clients[0] ?? "", cell: (row) => clients(row.clients) },
    FEW_FIGURES[0],
    { ...FEW_FIGURES[1], wide: true, value: (row) => row.rps ?? row.deniedRps, cell: (row) => rate(row.rps ?? row.deniedRps) },
    ...FEW_FIGURES.slice(2),
  ];
  return table({ id: name, caption: name, columns, rows, key: id, redraw: context.redraw });
}

/** "kind/name", which may be broken in between. */
function rule(authorization) {
  const [kind, name] = authorization.split("/");
  return name === undefined ? authorization : [`${kind}/`, h("wbr", null), name];
}

function clients(names) {
  if (!names.length) return "–";
  const more = names.length - MOST_CLIENTS;
  return h("span", { class: "chips", title: names.join(", ") }, names.slice(0, MOST_CLIENTS).map((name) => h("span", { class: "chip", key: name }, name)), more > 0 ? h("span", { class: "quiet" }, `+${more}`) : null);
}

export const policy = { id: "policy", title: () => "Policy", load, view };
