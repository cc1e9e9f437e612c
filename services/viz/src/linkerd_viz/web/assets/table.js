// Tables that sort, and in which arrow keys go from row to row.

import { h } from "./dom.js";

const orders = new Map();

/** A table. `groups`: [{key, head, rows}], or `rows`. Columns: {id, label, title, num, wide, value(row), cell(row)};
 * `wide` ones are left out on a phone. The first column names the row. `redraw` after a click on a head. */
export function table({ id, caption, columns, rows, groups, key, rowClass, redraw, first = { by: columns[0].id, down: false } }) {
  const order = orders.get(id) ?? first;
  const column = columns.find((one) => one.id === order.by) ?? columns[0];
  const sorted = (some) => [...some].sort((a, b) => compare(column.value(a), column.value(b), order.down) || compare(key(a), key(b), false));
  const sections = groups ?? [{ key: "all", rows }];
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { onkeydown: arrows },
      h("caption", { class: "hidden" }, caption),
      h("thead", null, h("tr", null, columns.map((one) => head(id, one, order, redraw)))),
      sections.map((one) =>
        h("tbody", { key: one.key }, one.head ? groupHead(one.head, columns) : null, sorted(one.rows).map((row) => line(row, columns, key, rowClass))),
      ),
    ),
  );
}

function head(id, column, order, redraw) {
  const mine = order.by === column.id;
  const sort = () => {
    orders.set(id, { by: column.id, down: mine ? !order.down : Boolean(column.num) });
    redraw();
  };
  const aria = mine ? (order.down ? "descending" : "ascending") : null;
  return h(
    "th",
    { scope: "col", class: names(column), "aria-sort": aria },
    h("button", { type: "button", title: column.title, onclick: sort }, column.label, h("span", { class: "arrow", "aria-hidden": "true" }, mine ? (order.down ? "▾" : "▴") : "")),
  );
}

const names = (column) => [column.num ? "num" : "", column.wide ? "wide" : ""].join(" ").trim() || null;

function groupHead(row, columns) {
  return h("tr", { class: "group", key: "head" }, columns.map((column, index) => h(index ? "td" : "th", { class: names(column), scope: index ? null : "rowgroup" }, (column.group ?? column.cell)(row))));
}

function line(row, columns, key, rowClass) {
  return h("tr", { key: key(row), class: rowClass?.(row) }, columns.map((column, index) => h(index ? "td" : "th", { class: names(column), scope: index ? null : "row" }, column.cell(row))));
}

/** What was not measured comes last, whichever way. */
function compare(a, b, down) {
  if (a == null || b == null) return (a == null) - (b == null);
  const order = typeof a === "string" ? a.localeCompare(b) : a - b;
  return down ? -order : order;
}

function arrows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
  const links = [...event.currentTarget.querySelectorAll("tbody tr > th a")];
  const at = links.findIndex((link) => link.closest("tr") === event.target.closest("tr"));
  const next = links[at < 0 ? (step > 0 ? 0 : -1) : at + step];
  if (next) {
    next.focus();
    event.preventDefault();
  }
}
