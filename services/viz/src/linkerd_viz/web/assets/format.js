// Numbers for people. What was not measured is a dash, never a zero.

export const NONE = "–";

/** 0.9996 is 99.96 %: rounded down, so that only what is whole reads 100 %. */
export function percent(value) {
  if (value == null) return NONE;
  const shown = Math.floor(value * 10000 + 1e-6) / 100;
  return shown >= 100 ? "100%" : `${shown.toFixed(shown >= 10 ? 2 : 1)}%`;
}

/** A share: 0.8 is 80 %. */
export const share = (value) => (value == null ? NONE : `${Number((value * 100).toFixed(1))}%`);

export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** A rate per second. */
export function rate(value) {
  if (value == null) return NONE;
  if (value === 0) return "0";
  if (value < 0.05) return "<0.1";
  if (value < 100) return value.toFixed(1);
  return value < 10000 ? String(Math.round(value)) : `${(value / 1000).toFixed(1)}k`;
}

/** Of milliseconds. */
export function latency(value) {
  if (value == null) return NONE;
  if (value >= 10000) return `${(value / 1000).toFixed(1)} s`;
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return value >= 10 ? `${Math.round(value)} ms` : `${value.toFixed(1)} ms`;
}

export function bytes(value) {
  if (value == null) return NONE;
  const units = ["B", "kB", "MB", "GB"];
  let step = 0;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${step && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}

/** Of seconds, in the two largest units: "23 h 10 m". */
export function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  const left = Math.max(0, Math.floor(seconds));
  const first = units.findIndex(([, size]) => left >= size);
  if (first < 0) return "0 s";
  const [name, size] = units[first];
  const whole = `${Math.floor(left / size)} ${name}`;
  const next = units[first + 1];
  const more = next ? Math.floor((left % size) / next[1]) : 0;
  return more && Math.floor(left / size) < 100 ? `${whole} ${more} ${next[0]}` : whole;
}

/** ok, warn, bad, or none where nothing was measured. */
export function health(success) {
  if (success == null) return "none";
  if (success >= 0.99) return "ok";
  return success >= 0.95 ? "warn" : "bad";
}

export const MARKS = { ok: "●", warn: "▲", bad: "✕", none: "○" };
export const WORDS = { ok: "healthy", warn: "degraded", bad: "failing", none: "not measured" };

const SHORT = { deployment: "deploy", statefulset: "sts", daemonset: "ds", replicaset: "rs", namespace: "ns", service: "svc" };
export const shortKind = (kind) => SHORT[kind] ?? kind;

/** Success of several, by their requests; null where none was measured. */
export function combined(rows) {
  let requests = 0;
  let good = 0;
  for (const row of rows) {
    if (row.rps == null || row.success == null) continue;
    requests += row.rps;
    good += row.rps * row.success;
  }
  return requests > 0 ? good / requests : null;
}

export const sum = (rows, field) =>
  rows.reduce((total, row) => (row[field] == null ? total : (total ?? 0) + row[field]), null);
