// TrafficSplits: what each leaf should get, what it got, and how it did.

import { h } from "./dom.js";
import { rate, share, sum } from "./format.js";
import { empty, FEW_FIGURES, filterBox, matches, within } from "./parts.js";
import { table } from "./table.js";

async function load(context) {
  const { rows } = await context.get("stat", { kind: "trafficsplit", namespace: context.namespace });
  const splits = new Map();
  for (const row of rows) {
    const key = `${row.namespace}/${row.name}`;
    splits.set(key, [...(splits.get(key) ?? []), row]);
  }
  return { splits: [...splits] };
}

/** "80", "500m" or "1" as a number: weights are Kubernetes quantities. */
function weight(text) {
  const match = /^(\d+(?:\.\d+)?)(m|k)?$/.exec(text ?? "");
  return match ? Number(match[1]) * ({ m: 0.001, k: 1000 }[match[2]] ?? 1) : 0;
}

function view(context) {
  const { splits } = context.data;
  if (!splits.length) return empty("No TrafficSplit here.", "A TrafficSplit sends shares of a service's traffic to other services: a canary.");
  const shown = splits.filter(([key, leaves]) => matches(context, key, ...leaves.flatMap(({ apex, leaf }) => [apex, leaf])));
  return [
    h("div", { class: "toolbar", key: "toolbar" }, filterBox(context, "Filter splits")),
    shown.length ? shown.map(([key, leaves]) => one(context, key, leaves)) : empty(`Nothing matches “${context.filter}”.`),
  ];
}

function one(context, key, leaves) {
  const all = leaves.reduce((total, leaf) => total + weight(leaf.weight), 0);
  const requests = sum(leaves, "rps");
  const wanted = (leaf) => (all > 0 ? weight(leaf.weight) / all : 0);
  const got = (leaf) => (requests > 0 && leaf.rps != null ? leaf.rps / requests : null);
  const columns = [
    { id: "leaf", label: "Leaf", value: (leaf) => leaf.leaf, cell: (leaf) => h("b", null, leaf.leaf) },
    { id: "weight", label: "Weight", num: true, value: wanted, cell: (leaf) => [leaf.weight, h("small", null, ` ${share(wanted(leaf))}`)] },
    { id: "share", label: "Got", title: "share of the requests in this window", num: true, value: got, cell: (leaf) => share(got(leaf)) },
    ...FEW_FIGURES,
  ];
  const [namespace, name] = key.split("/");
  return h(
    "section",
    { class: "panel", key },
    h("h2", null, within(namespace), name, h("small", null, `${leaves[0].apex} · ${rate(requests)} rps`)),
    shares("weights", leaves, wanted),
    shares("requests", leaves, got),
    table({ id: `split ${key}`, caption: `Leaves of ${key}`, columns, rows: leaves, key: (leaf) => leaf.leaf, redraw: context.redraw }),
  );
}

/** A bar in pieces; the table says the same in numbers. */
function shares(label, leaves, part) {
  return h(
    "div",
    { class: "shares", "aria-hidden": "true", key: label },
    h("span", null, label),
    h("div", null, leaves.map((leaf, index) => (part(leaf) > 0 ? h("i", { key: leaf.leaf, class: `leaf${index % 4}`, style: { width: `${part(leaf) * 100}%` } }, leaf.leaf) : null))),
  );
}

export const splits = { id: "splits", title: () => "Traffic splits", load, view };
