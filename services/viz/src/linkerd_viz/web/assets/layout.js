// A layered drawing of a directed graph (Sugiyama, Tagawa, Toda 1981): the same graph gives the same drawing, so that
// an update moves nothing. No document, no clock.

/** Places for nodes, and a line for every edge. `nodes`: ids; `edges`: [{from, to}]. `size`: {width, height, gapX, gapY}
 * of a node and between them; `vertical` runs from top to bottom. Answers {width, height, at: Map(id -> {x, y}), lines:
 * [[{x, y} …]]}, x and y of a node's middle, lines in the order of `edges`, from border to border. */
export function layout(nodes, edges, size, vertical = false) {
  const ids = [...nodes].sort();
  const drawn = edges.filter(({ from, to }) => from !== to);
  const turned = backEdges(ids, drawn);
  const links = drawn.map((edge) => (turned.has(edge) ? { from: edge.to, to: edge.from, edge } : { from: edge.from, to: edge.to, edge }));
  const rank = ranks(ids, links);
  const layers = Array.from({ length: Math.max(0, ...rank.values()) + 1 }, () => []);
  for (const id of ids) layers[rank.get(id)].push(id);
  const chains = split(links, rank, layers);
  order(layers, chains);
  return place(ids, edges, layers, chains, turned, size, vertical);
}

/** Edges that close a cycle, by a search in the order of ids. */
function backEdges(ids, edges) {
  const out = new Map(ids.map((id) => [id, []]));
  for (const edge of [...edges].sort((a, b) => (a.to < b.to ? -1 : 1))) out.get(edge.from).push(edge);
  // Where traffic enters goes first, so that what is turned is what leads back.
  const called = new Set(edges.map(({ to }) => to));
  const found = new Set();
  const seen = new Map();
  for (const root of [...ids].sort((a, b) => called.has(a) - called.has(b))) {
    if (seen.has(root)) continue;
    const stack = [[root, out.get(root).values()]];
    seen.set(root, "open");
    while (stack.length) {
      const [id, rest] = stack.at(-1);
      const { done, value: edge } = rest.next();
      if (done) {
        seen.set(id, "done");
        stack.pop();
      } else if (seen.get(edge.to) === "open") found.add(edge);
      else if (!seen.has(edge.to)) {
        seen.set(edge.to, "open");
        stack.push([edge.to, out.get(edge.to).values()]);
      }
    }
  }
  return found;
}

/** The longest way from a root. */
function ranks(ids, links) {
  const rank = new Map(ids.map((id) => [id, 0]));
  const missing = new Map(ids.map((id) => [id, 0]));
  for (const { to } of links) missing.set(to, missing.get(to) + 1);
  const ready = ids.filter((id) => missing.get(id) === 0);
  while (ready.length) {
    const id = ready.shift();
    for (const { from, to } of links) {
      if (from !== id) continue;
      rank.set(to, Math.max(rank.get(to), rank.get(id) + 1));
      missing.set(to, missing.get(to) - 1);
      if (missing.get(to) === 0) ready.push(to);
    }
  }
  return rank;
}

/** Every link as a chain with a place in each layer that it passes. */
function split(links, rank, layers) {
  return links.map(({ from, to, edge }, number) => {
    const chain = [from];
    for (let layer = rank.get(from) + 1; layer < rank.get(to); layer += 1) {
      const bend = `\u0000${number}\u0000${layer}`;
      layers[layer].push(bend);
      chain.push(bend);
    }
    return { edge, chain: [...chain, to] };
  });
}

/** Sweeps that put everything at the middle of its neighbours. */
function order(layers, chains) {
  const before = new Map();
  const after = new Map();
  for (const { chain } of chains) {
    for (let i = 1; i < chain.length; i += 1) {
      before.set(chain[i], [...(before.get(chain[i]) ?? []), chain[i - 1]]);
      after.set(chain[i - 1], [...(after.get(chain[i - 1]) ?? []), chain[i]]);
    }
  }
  for (let sweep = 0; sweep < 6; sweep += 1) {
    const down = sweep % 2 === 0;
    const around = down ? before : after;
    for (const layer of down ? layers : [...layers].reverse()) {
      const at = new Map();
      for (const one of layers) one.forEach((id, index) => at.set(id, index - (one.length - 1) / 2));
      const middle = new Map(layer.map((id) => [id, mean((around.get(id) ?? [id]).map((other) => at.get(other)))]));
      layer.sort((a, b) => middle.get(a) - middle.get(b) || at.get(a) - at.get(b));
    }
  }
}

const mean = (numbers) => numbers.reduce((total, number) => total + number, 0) / numbers.length;

function place(ids, edges, layers, chains, turned, size, vertical) {
  // Along: from layer to layer. Across: within a layer.
  const along = vertical ? size.height + size.gapX : size.width + size.gapX;
  const across = vertical ? size.width + size.gapY : size.height + size.gapY;
  const bend = across * 0.5;
  const spans = layers.map((layer) => layer.reduce((total, id) => total + (id[0] === "\u0000" ? bend : across), 0));
  const widest = Math.max(across, ...spans);
  const at = new Map();
  layers.forEach((layer, number) => {
    let next = (widest - spans[number]) / 2;
    for (const id of layer) {
      const step = id[0] === "\u0000" ? bend : across;
      const [a, b] = [number * along + (vertical ? size.height : size.width) / 2, next + step / 2];
      at.set(id, vertical ? { x: b, y: a } : { x: a, y: b });
      next += step;
    }
  });
  const half = vertical ? size.height / 2 : size.width / 2;
  const shifted = ({ x, y }, by, aside = 0) => (vertical ? { x: x + aside, y: y + by } : { x: x + by, y: y + aside });
  const lines = new Map();
  for (const { edge, chain } of chains) {
    const points = chain.map((id) => at.get(id));
    // What leads back runs beside what leads forth. A bend goes straight through its layer, between the nodes there.
    const aside = turned.has(edge) ? 10 : 0;
    const bends = points.slice(1, -1).flatMap((point) => [shifted(point, -half), shifted(point, half)]);
    const line = [shifted(points[0], half, aside), ...bends, shifted(points.at(-1), -half, aside)];
    lines.set(edge, turned.has(edge) ? line.reverse() : line);
  }
  const length = Math.max(0, layers.length - 1) * along + (vertical ? size.height : size.width);
  const placed = new Map(ids.map((id) => [id, at.get(id)]));
  return {
    width: vertical ? widest : length,
    height: vertical ? length : widest,
    at: placed,
    lines: edges.map((edge) => lines.get(edge) ?? []),
  };
}
