// The inspector: what goes over the wire, in five lanes, newest first.

import { el, iconButton, syncChildren } from "./dom.js";
import { LANES } from "./store.js";

const TITLES = { events: "Events", calls: "API calls", session: "Session", model: "Model", cluster: "Cluster" };
const SHOWN = 200;
const LEAF = 60; // values shorter than this stand on one line

/** JSON as a folding tree; branches are drawn when they are opened. */
export function tree(value, name = "", depth = 0) {
  const label = name === "" ? null : el("span", { class: "json-key" }, `${name}: `);
  if (value === null || typeof value !== "object") {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return el("div", { class: `json-leaf json-${value === null ? "null" : typeof value}` }, label, el("span", {}, text));
  }
  const entries = Object.entries(value);
  const brief = JSON.stringify(value);
  if (brief.length < LEAF) return el("div", { class: "json-leaf" }, label, el("span", {}, brief));
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const node = el("details", { class: "json-branch" }, el("summary", {}, label, el("span", { class: "faint" }, size)));
  const fill = () => node.childElementCount === 1 && node.append(...entries.map(([key, inner]) => tree(inner, key, depth + 1)));
  node.addEventListener("toggle", fill);
  if (depth < 1) {
    fill();
    node.open = true;
  }
  return node;
}

export class Inspector {
  #drawn = new Map();
  #list = el("div", { class: "entries", tabindex: "0", role: "region", "aria-label": "Entries" });
  #tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Lanes" });
  #filter = el("input", { type: "search", class: "text-input", placeholder: "Filter", "aria-label": "Filter the entries" });
  #open = new Set();

  constructor(app) {
    this.app = app;
    this.#filter.addEventListener("input", () => this.draw());
    this.node = el("aside", { class: "pane inspector", "aria-label": "Inspector" },
      el("header", { class: "pane-head" }, iconButton("back", "Back", () => app.go({ pane: "main" }), { class: "back" }), el("h2", {}, "Inspector"), this.#filter, iconButton("close", "Close the inspector", () => app.go({ inspector: false, pane: "main" }), { class: "push" })),
      this.#tabs, this.#list);
  }

  draw() {
    const { store, ui } = this.app;
    this.node.hidden = !ui.inspector;
    if (!ui.inspector) return;
    this.#drawTabs();
    const wanted = this.#filter.value.trim().toLowerCase();
    const entries = [...store.lanes[ui.lane].values()].reverse().filter((entry) => !wanted || JSON.stringify(entry).toLowerCase().includes(wanted)).slice(0, SHOWN);
    const drawn = new Map();
    for (const entry of entries) {
      const known = this.#drawn.get(entry.id);
      drawn.set(entry.id, known?.entry === entry ? known : { entry, node: this.#entry(entry) });
    }
    this.#drawn = drawn;
    const problems = ui.lane === "calls" && store.problems.length ? [el("div", { class: "problems" }, el("strong", {}, "Slack would have refused:"), store.problems.slice(-20).map((problem) => el("p", {}, problem)))] : [];
    const empty = entries.length ? [] : [el("p", { class: "faint empty" }, wanted ? "Nothing matches." : "Nothing yet.")];
    syncChildren(this.#list, [...problems, ...empty, ...[...drawn.values()].map((each) => each.node)]);
  }

  #tabKey = "";
  #drawTabs() {
    const { store, ui } = this.app;
    const counts = LANES.map((lane) => store.lanes[lane].size);
    const key = `${ui.lane} ${counts}`;
    if (key === this.#tabKey) return;
    this.#tabKey = key;
    const hadFocus = this.#tabs.contains(document.activeElement);
    this.#tabs.replaceChildren(...LANES.map((lane, at) => el("button", { type: "button", role: "tab", class: "tab", "data-lane": lane, "aria-selected": String(lane === ui.lane), tabindex: lane === ui.lane ? "0" : "-1",
      on: { click: () => this.app.go({ lane }), keydown: (event) => this.#step(event, at) } }, TITLES[lane], el("small", {}, String(counts[at])))));
    if (hadFocus) this.#tabs.querySelector("[aria-selected=true]").focus();
  }

  #step(event, at) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) this.app.go({ lane: LANES[(at + step + LANES.length) % LANES.length] });
  }

  #entry(entry) {
    const trouble = entry.state === "error" || entry.problems?.length;
    const body = el("div", { class: "entry-body" });
    const fill = () => body.childElementCount || body.append(
      ...(entry.problems ?? []).map((problem) => el("p", { class: "problem" }, problem)),
      iconButton("copy", "Copy as JSON", () => this.app.copy(JSON.stringify(entry.detail, null, 2)), { class: "copy" }), tree(entry.detail));
    const node = el("details", { class: `entry ${trouble ? "trouble" : ""} ${entry.state}`, open: this.#open.has(entry.id) },
      el("summary", {}, el("time", {}, new Date(entry.at * 1000).toLocaleTimeString([], { hour12: false })), el("span", { class: "entry-title" }, entry.title), trouble ? el("b", { class: "entry-flag" }, entry.state === "error" ? "error" : "problem") : null), body);
    if (node.open) fill();
    node.addEventListener("toggle", () => {
      this.#open[node.open ? "add" : "delete"](entry.id);
      if (node.open) fill();
    });
    return node;
  }
}
