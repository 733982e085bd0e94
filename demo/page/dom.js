// Small helpers to build the page.
const SVG = "http://www.w3.org/2000/svg";

export const find = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

// Sets the text only if it differs, so that screen readers announce only changes.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

// Removes children from the end until at most `kept` are left. With "firstElementChild", removes from the beginning.
export function trim(list, kept, dropped = "lastElementChild") {
  while (list.childElementCount > kept) list[dropped].remove();
}
