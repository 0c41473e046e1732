// Builds DOM from data. Everything shown on the page goes through `el`: text is only ever text, attributes come from
// a list, and a link leads to http, https or mailto or is no link at all.

const ATTRIBUTE = new RegExp(
  "^(class|id|title|type|name|value|for|role|tabindex|alt|src|placeholder|rows|min|max|step|minlength|maxlength|" +
    "checked|disabled|required|multiple|open|hidden|selected|label|scope|start|download|datetime|dir|method|" +
    "autocomplete|spellcheck|accept|autofocus|aria-[a-z]+|data-[a-z-]+)$",
);
const SVG = "http://www.w3.org/2000/svg";

/** An element. `props`: attributes, and `on: {event: listener}`; null, undefined and false leave an attribute out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (!ATTRIBUTE.test(name)) throw new TypeError(`attribute ${name} is not on the list`);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function fragment(...children) {
  const node = document.createDocumentFragment();
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A link where the address may be followed, otherwise its label and the address as text. */
export function link(address, ...label) {
  const shown = label.length ? label : [address];
  let url;
  try {
    url = new URL(address);
  } catch {
    url = null;
  }
  if (!url || !["http:", "https:", "mailto:"].includes(url.protocol)) {
    return el("span", { class: "dead-link" }, ...shown, label.length ? ` (${address})` : "");
  }
  const node = el("a", { title: url.href.slice(0, 300) }, ...shown);
  node.href = url.href;
  node.rel = "noopener noreferrer";
  node.target = "_blank";
  return node;
}

const ICONS = {
  hash: "M7 3 5.5 17M14.5 3 13 17M3 7.5h14M2.5 12.5h14",
  send: "M3 10 2.5 3.5 18 10 2.5 16.5zM3 10h7",
  stop: "M5 5h10v10H5z",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  smile: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M7 8h.01M13 8h.01M6.5 11.5c1.8 2.6 5.2 2.6 7 0",
  reply: "M3 4h14v9.5H9l-4 3.5v-3.5H3z",
  clip: "M14.5 9 9 14.5a3.2 3.2 0 0 1-4.5-4.5l6.5-6.5a2.1 2.1 0 0 1 3 3L8 12.5",
  close: "M5 5l10 10M15 5 5 15",
  back: "M12.5 4 6.5 10l6 6",
  plus: "M10 4v12M4 10h12",
  trash: "M4 5.5h12M8 5V3.5h4V5M5.5 5.5l.7 11h7.6l.7-11M8.5 8.5v5M11.5 8.5v5",
  up: "M6.5 9 9 3c1.6 0 2.2 1 2 2.5L10.5 8H15c1.2 0 1.8 1 1.5 2l-1.3 5.5c-.2.9-.9 1.5-1.8 1.5H6.5zM3.5 9h3v8h-3z",
  down: "M6.5 11 9 17c1.6 0 2.2-1 2-2.5L10.5 12H15c1.2 0 1.8-1 1.5-2l-1.3-5.5C15 3.6 14.3 3 13.4 3H6.5zM3.5 3h3v8h-3z",
  eye: "M2 10c3.5-6.5 12.5-6.5 16 0-3.5 6.5-12.5 6.5-16 0zM10 7.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5",
  file: "M5 2.5h7l3.5 3.5v11.5H5zM12 2.5V6h3.5",
  copy: "M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7",
  panel: "M3 4h14v12H3zM12 4v12",
  robot: "M4.5 8.5h11v8h-11zM10 8.5v-4M8.5 4.5h3M7.8 12h.01M12.2 12h.01M8 14.5h4M2.5 11.5v2M17.5 11.5v2",
  home: "M3.5 9.5 10 3.5l6.5 6v7.5h-4.5v-4.5H8V17H3.5z",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 20 20", class: `icon icon-${name}`, "aria-hidden": "true" }))
    svg.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, click, more = {}) {
  const { class: extra = "", ...rest } = more;
  return el("button", { type: "button", class: `icon-button ${extra}`, "aria-label": label, title: label, ...rest, on: { click } }, icon(name));
}

/** Makes `nodes` the children of `parent` and touches only what differs, so that focus and scrolling stay. */
export function syncChildren(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, at) => {
    if (parent.childNodes[at] !== node) parent.insertBefore(node, parent.childNodes[at] ?? null);
  });
}

/** A button that opens a list of choices: `items` are {label, detail?, pick} or {label, href}. Esc closes it. */
export function menuButton(face, label, items, more = {}) {
  const { class: extra = "", ...rest } = more;
  const list = el("div", { role: "menu", class: "menu", hidden: true });
  const button = el("button", { type: "button", class: `menu-button ${extra}`, "aria-label": label, title: label, "aria-haspopup": "menu", "aria-expanded": "false", ...rest }, face);
  const box = el("span", { class: "menu-box" }, button, list);
  const show = (open) => {
    list.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (!open) return;
    list.replaceChildren(
      ...items().map((item) => {
        const words = [item.label, item.detail ? el("small", {}, item.detail) : null];
        const entry = item.href ? link(item.href, ...words.filter(Boolean)) : el("button", { type: "button" }, ...words);
        entry.setAttribute("role", "menuitem");
        if (item.name) entry.setAttribute("aria-label", item.name);
        entry.addEventListener("click", () => (show(false), button.focus(), item.pick?.()));
        return entry;
      }),
    );
    list.classList.toggle("above", button.getBoundingClientRect().bottom > innerHeight - 260);
    list.firstElementChild?.focus();
  };
  button.addEventListener("click", () => show(list.hidden));
  box.addEventListener("focusout", (event) => box.contains(event.relatedTarget) || show(false));
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && !list.hidden) (event.preventDefault(), event.stopPropagation(), show(false), button.focus());
    else if (step && !list.hidden) {
      const entries = [...list.children];
      entries[(entries.indexOf(document.activeElement) + step + entries.length) % entries.length]?.focus();
      event.preventDefault();
    }
  });
  return box;
}

export const clockTime = (ts) => new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export const fileSize = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} kB` : `${(bytes / 1048576).toFixed(1)} MB`);
