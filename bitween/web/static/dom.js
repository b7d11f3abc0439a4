// Makes elements. Text only ever becomes text nodes, so that no name can be taken for HTML.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  shares: "M4 6h16M4 12h16M4 18h10",
  torrents: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
  contacts: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 20c1-4 4-5 8-5s7 1 8 5",
  status: "M4 12h4l2-6 4 12 2-6h4",
  down: "M12 5v14m0 0 5-5m-5 5-5-5",
  up: "M12 19V5m0 0 5 5m-5-5-5 5",
  pause: "M9 5v14M15 5v14",
  resume: "M8 5v14l11-7Z",
  files: "M4 6h6l2 2h8v11H4Z",
  first: "M12 20V9m0 0 5 5m-5-5-5 5M5 4h14",
  view: "M2.5 12c4-8 15-8 19 0-4 8-15 8-19 0ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  file: "M7 3h7l4 4v14H7ZM14 3v4h4",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  stop: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16ZM6.5 6.5l11 11",
  peers: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20c.7-4 3-5.5 6.5-5.5s5.8 1.5 6.5 5.5M16 4.5a3.5 3.5 0 0 1 0 6M18 14.8c2 .7 3.1 2.4 3.5 5.2",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5Z",
  close: "M6 6l12 12M18 6 6 18",
};

/** An element; of the properties functions listen, and truth values set or leave out. */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (typeof value === "boolean") node.toggleAttribute(name, value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** An element of a drawing. */
export function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A picture that says nothing that the text beside it, or a label, does not say. */
export function icon(name) {
  const path = draw("path", { d: ICONS[name] });
  return draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, path);
}

/** A button with a picture in place of its text. */
export function iconButton(name, label, click) {
  return make("button", { type: "button", class: "quiet", click, "aria-label": label, title: label }, icon(name));
}

/** Another picture and label for such a button. */
export function relabel(button, name, label) {
  if (button.getAttribute("aria-label") === label) return;
  button.setAttribute("aria-label", label);
  button.title = label;
  button.replaceChildren(icon(name));
}

// What turns the direction of writing, so that "gpj.exe" could be read as "exe.jpg"; isolates turn nothing.
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066\u2067]/g;

/** A text in which nothing is hidden: what would turn its direction is a mark that is seen. */
export const legible = (text) => text.replace(TURNING, "\ufffd");

/** Sets a text, if it is another one: a live region speaks when it is touched. `english` is as in `withEnglish`. */
export function say(node, text, english = "") {
  if (node.textContent !== legible(text)) node.replaceChildren(...withEnglish(text, english));
}

/** A text as nodes; what it holds of the daemon's own words, which are English, is to be read out as such. */
export function withEnglish(text, english) {
  const shown = legible(text);
  const words = legible(english ?? "");
  const begin = words ? shown.indexOf(words) : -1;
  if (begin < 0) return [shown];
  return [shown.slice(0, begin), make("span", { lang: "en" }, words), shown.slice(begin + words.length)];
}

/** A name that others chose: its direction of writing stays within it. */
export function named(text, properties = {}) {
  return make("bdi", properties, legible(text));
}
