// A virtual tree of plain objects, and a patch that makes the document equal to it. Only what differs is touched, so
// that focus, selection, scroll and hover survive an update. Text is always a text node: nothing is parsed as markup.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "selected"]);

/** An element. Children: elements, strings, numbers; null and false are left out; arrays are flattened. `key` in props
 * keeps an element's identity among its siblings. */
export function h(tag, props, ...children) {
  const kept = children.flat(Infinity).filter((child) => child != null && child !== false && child !== "");
  return { tag, key: props?.key, props: props ?? {}, children: kept };
}

/** Make the children of `parent` equal to `children`. */
export function patch(parent, children) {
  const focused = document.activeElement;
  patchChildren(parent, [children].flat(Infinity).filter((child) => child != null && child !== false));
  // An element that was moved has lost its focus.
  if (focused && focused !== document.activeElement && focused !== document.body && focused.isConnected) {
    focused.focus({ preventScroll: true });
  }
}

const state = new WeakMap();

function patchChildren(parent, children) {
  const keyed = new Map();
  const loose = [];
  for (const node of parent.childNodes) {
    const key = state.get(node)?.key;
    if (key === undefined) loose.push(node);
    else keyed.set(key, node);
  }
  let cursor = parent.firstChild;
  const kept = new Set();
  for (const child of children) {
    const tag = child.tag ?? "#text";
    let node = child.key === undefined ? loose.shift() : keyed.get(child.key);
    if (node === undefined || kept.has(node) || state.get(node)?.tag !== tag) node = create(tag, parent);
    update(node, child);
    kept.add(node);
    if (node === cursor) {
      cursor = cursor.nextSibling;
    } else {
      parent.insertBefore(node, cursor);
    }
  }
  for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
}

function create(tag, parent) {
  let node;
  if (tag === "#text") node = document.createTextNode("");
  else if (tag === "svg" || (parent.namespaceURI === SVG && parent.localName !== "foreignObject")) {
    node = document.createElementNS(SVG, tag);
  } else node = document.createElement(tag);
  state.set(node, { tag, props: {} });
  return node;
}

function update(node, child) {
  if (child.tag === undefined) {
    const text = String(child);
    if (node.data !== text) node.data = text;
    return;
  }
  const old = state.get(node);
  for (const name of Object.keys(old.props)) if (!(name in child.props)) set(node, name, null);
  for (const [name, value] of Object.entries(child.props)) {
    if (name !== "key" && (old.props[name] !== value || PROPERTIES.has(name))) set(node, name, value);
  }
  patchChildren(node, child.children);
  if ("value" in child.props && node.localName === "select") node.value = child.props.value;
  state.set(node, { tag: child.tag, key: child.key, props: child.props });
}

function set(node, name, value) {
  if (name.startsWith("on")) node[name] = value;
  else if (PROPERTIES.has(name)) {
    if (node[name] !== (value ?? "")) node[name] = value ?? "";
  } else if (name === "style") {
    for (const [property, to] of Object.entries(value ?? {})) node.style.setProperty(property, to);
  } else if (value == null || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
