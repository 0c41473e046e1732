// The left rail: who you are, the channels, the bot, the tour; and the banner that says what is simulated.

import { el, icon, iconButton, syncChildren } from "./dom.js";
import { avatar } from "./messages.js";
import { mrkdwn } from "./mrkdwn.js";

const kind = (person) => (person.guest ? "guest" : person.stranger ? "other organisation" : "");

export class Rail {
  #drawn = "";

  constructor(app) {
    this.app = app;
    this.node = el("nav", { class: "pane rail", "aria-label": "Workspace" });
  }

  draw() {
    const { store, ui } = this.app;
    const key = JSON.stringify([ui.viewer, ui.place, store.people, store.channels, store.world, store.connections, this.app.unread()]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const focused = document.activeElement?.dataset?.rail;
    const here = store.people.length ? [this.#workspace(), this.#people(), this.#places(), this.#tour()] : [];
    syncChildren(this.node, [...here, this.#bot()]);
    if (focused) this.node.querySelector(`[data-rail="${CSS.escape(focused)}"]`)?.focus();
  }

  #workspace() {
    return el("div", { class: "workspace" }, el("strong", {}, "Shop Inc."), el("small", {}, this.app.store.world.transport));
  }

  #section(title, ...rows) {
    return el("section", { "aria-label": title }, el("h2", {}, title), rows);
  }

  #row(id, current, click, ...face) {
    return el("button", { type: "button", class: "row-button", "data-rail": id, "aria-current": current ? "true" : null, on: { click } }, ...face);
  }

  #people() {
    const { store, ui } = this.app;
    return this.#section("You are", store.people.map((person) => {
      const row = this.#row(person.id, person.id === ui.viewer, () => this.app.become(person.id), avatar(person.id, person.name, "tiny"), el("span", {}, person.name), el("small", {}, person.title || kind(person)));
      row.title = [kind(person), person.note].filter(Boolean).join(": ");
      return row;
    }));
  }

  #places() {
    const { store, ui } = this.app;
    const unread = new Set(this.app.unread());
    const open = (place, more = {}) => () => this.app.go({ place, thread: null, pane: "main", ...more });
    const channels = store.channels.filter((channel) => !channel.is_im).map((channel) => {
      const row = this.#row(channel.id, channel.id === ui.place, open(channel.id), icon("hash"), el("span", {}, channel.name), unread.has(channel.id) ? el("b", { class: "unread" }, el("span", { class: "sr-only" }, "new")) : null);
      row.classList.toggle("outside", !channel.members.includes(ui.viewer));
      return row;
    });
    const dm = store.person(ui.viewer)?.dm;
    const app = this.#row(dm, dm === ui.place, open(dm, { tab: "chat" }), avatar(store.botUser, "kubeai", "tiny"), el("span", {}, "kubeai"), el("span", { class: `presence ${store.connections || store.world.bot.state === "running" ? "on" : ""}` }), unread.has(dm) ? el("b", { class: "unread" }, el("span", { class: "sr-only" }, "new")) : null);
    return el("div", {}, this.#section("Channels", channels), this.#section("Apps", app));
  }

  #tour() {
    const { store } = this.app;
    if (!store.world.suggested.length) return el("div");
    return this.#section("Tour", store.world.suggested.map((question, at) => {
      const person = store.person(question.as);
      const row = this.#row(`tour-${at}`, false, () => this.app.ask(question), avatar(question.as, person?.name, "tiny"), el("span", { class: "tour-text" }, mrkdwn(question.text, store.names(null))));
      row.title = question.remark ?? "";
      row.classList.add("tour");
      return row;
    }));
  }

  #bot() {
    const { store } = this.app;
    const { state, error } = store.world.bot;
    const order = (action, label) => el("button", { type: "button", class: "button slim", "data-rail": action, on: { click: () => this.app.send("bot", { action }) } }, label);
    return this.#section("Bot program",
      el("p", { class: "bot-state" }, el("span", { class: `presence ${state === "running" ? "on" : ""}` }), `${state}${store.connections ? ` · ${store.connections} connection${store.connections === 1 ? "" : "s"}` : ""}`),
      error ? el("p", { class: "bot-error" }, error) : null,
      el("div", { class: "row" }, state === "stopped" ? order("start", "Start") : [order("restart", "Restart"), order("stop", "Stop")]));
  }
}

export class Banner {
  #drawn = "";
  node = el("header", { class: "banner" });

  constructor(app) {
    this.app = app;
  }

  draw() {
    const { store, ui } = this.app;
    const problems = store.problems.length;
    const key = JSON.stringify([store.world.edges, ui.inspector, problems, this.app.linked]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const edges = store.world.edges.map((edge) => el("li", { title: edge.detail }, el("b", {}, edge.edge), " ", el("span", { class: edge.real ? "real" : "simulated" }, edge.real ? "real" : "simulated")));
    const toggle = iconButton("panel", ui.inspector ? "Close the inspector" : "Open the inspector", () => this.app.go({ inspector: !ui.inspector, pane: ui.inspector ? "main" : "inspector" }), { class: "inspector-toggle", "aria-expanded": String(ui.inspector) });
    toggle.append(el("span", {}, "Inspector"), problems ? el("b", { class: "badge", "aria-label": `${problems} problems` }, String(problems)) : "");
    this.node.replaceChildren(el("strong", {}, "Simulator, not Slack"), el("ul", { class: "edges", "aria-label": "What is real" }, edges), this.app.linked ? "" : el("span", { class: "reconnecting", role: "status" }, "Reconnecting…"), toggle);
  }
}
