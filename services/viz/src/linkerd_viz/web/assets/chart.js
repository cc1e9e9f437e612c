// Lines over time, in SVG. A gap is where nothing was measured.

import { h } from "./dom.js";

/** How far back a line goes: as far as every scrape is kept, for from ten minutes on there is one point a minute. */
export const HISTORY = "9m";

/** Pieces of a line: arrays of [x, y] without a gap. `top` is the value at y = 0. */
function pieces(values, width, height, top) {
  const found = [];
  let piece = [];
  values.forEach((value, index) => {
    if (value == null) {
      if (piece.length) found.push(piece);
      piece = [];
      return;
    }
    const x = values.length > 1 ? (index / (values.length - 1)) * width : width;
    piece.push([x, height - (Math.min(value, top) / top) * height]);
  });
  if (piece.length) found.push(piece);
  return found;
}

const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

function line(values, width, height, top, name) {
  return pieces(values, width, height, top).map((points) =>
    points.length === 1
      ? h("path", { class: `${name} point`, d: `M${points[0][0].toFixed(1)} ${points[0][1].toFixed(1)}h.01` })
      : h("path", { class: name, d: path(points) }),
  );
}

/** A small line beside a number; it says no more than the number does, so readers of the screen are spared it. */
export function spark(values, name = "rps", top = undefined) {
  const width = 84;
  const height = 20;
  const shown = values ?? [];
  const most = top ?? Math.max(1e-9, ...shown.filter((value) => value != null));
  const areas = pieces(shown, width, height, most)
    .filter((points) => points.length > 1)
    .map((points) => h("path", { class: "area", d: `${path(points)}L${points.at(-1)[0].toFixed(1)} ${height}L${points[0][0].toFixed(1)} ${height}Z` }));
  return h(
    "svg",
    { class: `spark ${name}`, viewBox: `-1 -1 ${width + 2} ${height + 2}`, width: width + 2, height: height + 2, "aria-hidden": "true" },
    areas,
    line(shown, width, height, most, "line"),
  );
}

/** A chart with its scale. `series`: [{name, label, values}]; `times` in seconds; `format` of a value. */
export function chart({ title, series, times, format, top }) {
  const width = 300;
  const height = 84;
  const all = series.flatMap(({ values }) => values.filter((value) => value != null));
  const most = top ?? nice(Math.max(0, ...all));
  const last = (values) => values.findLast((value) => value != null);
  const label = series.map((one) => `${one.label}: now ${format(last(one.values))}`).join(", ");
  const minutes = times.length > 1 ? Math.round((times.at(-1) - times[0]) / 60) : 0;
  return h(
    "figure",
    { class: "chart" },
    h(
      "figcaption",
      null,
      h("b", null, title),
      series.map((one) => h("span", { class: `key ${one.name}` }, one.label, " ", h("span", { class: "num" }, format(last(one.values))))),
    ),
    all.length
      ? h(
          "svg",
          { viewBox: `0 -4 ${width} ${height + 8}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}. ${label}` },
          [0, 0.5, 1].map((at) => h("path", { class: "grid", d: `M0 ${at * height}H${width}` })),
          series.map((one) => line(one.values, width, height, most, `line ${one.name}`)),
        )
      : h("p", { class: "quiet" }, "Nothing was measured yet."),
    all.length ? h("div", { class: "scale" }, h("span", null, `${minutes} min ago`), h("span", null, `0 – ${format(most)}`), h("span", null, "now")) : null,
  );
}

function nice(value) {
  if (value <= 0) return 1;
  const step = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((by) => by * step).find((by) => by >= value * 0.999);
}
