// The panes in the middle: a channel, the conversation with the bot, a thread, the bot's home tab, its history.

import { clockTime, el, fragment, icon, iconButton, syncChildren } from "./dom.js";
import { renderBlocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { markdown } from "./markdown.js";
import { avatar, renderMessage } from "./messages.js";
import { mrkdwn } from "./mrkdwn.js";
import { keyOf } from "./store.js";

const NEXT_LOADING_MESSAGE = 2500;

/** A list of messages that follows its end, keeps unchanged messages, and shows the status line of its thread. */
class MessageList {
  #drawn = new Map();
  #follows = false; // who clicked in a message wants to see what comes of it, until they scroll
  #status = el("div", { class: "status-line", role: "status" });
  #statusKey = "";
  node = el("div", { class: "messages", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "Messages" });

  constructor(app, threads) {
    this.app = app;
    this.threads = threads;
    setInterval(() => this.#rotate(), NEXT_LOADING_MESSAGE);
    this.node.addEventListener("click", (event) => (this.#follows = Boolean(event.target.closest("[data-action-id]"))));
    for (const moving of ["wheel", "touchmove", "keydown"]) this.node.addEventListener(moving, () => (this.#follows = false), { passive: true });
  }

  /** `session`: whose status line is shown; `before`: DOM to put in front. */
  draw(place, messages, session, before = []) {
    const { node } = this;
    const moved = node.dataset.place !== place;
    const atEnd = moved || this.#follows || node.scrollHeight - node.scrollTop - node.clientHeight < 60;
    const top = node.scrollTop; // lost when a message that is drawn anew is taller than the window
    node.dataset.place = place;
    const drawn = new Map();
    for (const message of messages) {
      const key = keyOf(message.channel, message.ts);
      const depends = this.#dependencies(message, key);
      const known = this.#drawn.get(key);
      const kept = known?.message === message && known.depends === depends;
      drawn.set(key, kept ? known : { message, depends, node: replaced(known?.node, renderMessage(message, this.app, this.threads)) });
    }
    this.#drawn = drawn;
    this.#drawStatus(session);
    syncChildren(node, [...before, ...[...drawn.values()].map((each) => each.node), this.#status]);
    node.scrollTop = atEnd ? node.scrollHeight : top;
  }

  #dependencies(message, key) {
    const replies = this.threads ? this.app.store.replies(message.channel, message.ts, this.app.ui.viewer) : [];
    return [this.app.ui.viewer, this.app.ui.editing === key, replies.length, replies.at(-1)?.ts].join();
  }

  #drawStatus(session) {
    const working = session && (session.status === "processing" || session.text);
    this.#status.hidden = !working;
    this.#lines = working ? [session.text || "is working on it…", ...(session.loading_messages ?? [])] : [];
    const key = this.#lines.join("\n");
    if (key !== this.#statusKey) this.#rotate(0);
    this.#statusKey = key;
  }

  #lines = [];
  #line = 0;
  #rotate(to = this.#line + 1) {
    if (!this.#lines.length) return;
    // The first line is the status itself; the loading messages take turns after it.
    this.#line = to >= this.#lines.length ? Math.min(1, this.#lines.length - 1) : to;
    const words = this.#lines[this.#line];
    this.#status.replaceChildren(el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")), this.#line ? words : `kubeai ${words}`);
  }
}

// Takes over focus from the node that is replaced.
function replaced(old, node) {
  const active = document.activeElement;
  if (old?.contains(active) && active !== old) {
    const at = [...old.querySelectorAll("button, input, select, textarea, summary, a, [tabindex]")].indexOf(active);
    queueMicrotask(() => node.querySelectorAll("button, input, select, textarea, summary, a, [tabindex]")[at]?.focus());
  }
  return node;
}

const backButton = (app, pane = "rail") => iconButton("back", "Back", () => app.go({ pane }), { class: "back" });

/** The main pane: what stands in it depends on `ui.place` and `ui.tab`. */
export class MainPane {
  #head = el("header", { class: "pane-head" });
  #body = el("div", { class: "pane-scroll", tabindex: "0" });
  #headKey = "";
  #bodyKey = null;

  constructor(app) {
    this.app = app;
    this.list = new MessageList(app, true);
    this.chat = new MessageList(app, false);
    this.composer = new Composer(app, "main", () => this.#target());
    this.node = el("main", { class: "pane main", "aria-label": "Conversation" }, this.#head, this.list.node, this.chat.node, this.#body, this.composer.node);
  }

  draw() {
    const { ui, store } = this.app;
    const channel = store.channel(ui.place);
    if (!channel) return this.#drawNowhere();
    this.#drawHead(channel);
    this.list.node.hidden = channel.is_im;
    this.chat.node.hidden = !channel.is_im || ui.tab !== "chat";
    this.#body.hidden = !channel.is_im || ui.tab === "chat";
    if (!channel.is_im) this.list.draw(`${ui.viewer}:${ui.place}`, store.roots(ui.place, ui.viewer), null, [this.#channelIntro(channel)]);
    else if (ui.tab === "chat") this.#drawChat();
    else this.#drawBody();
    return this.composer.draw();
  }

  #drawNowhere() {
    this.list.node.hidden = this.chat.node.hidden = this.composer.node.hidden = true;
    this.#body.replaceChildren(el("div", { class: "intro" }, el("h2", {}, "Slack is real here"), el("p", {}, "Talk to the bot in Slack. The inspector shows what it does with the model, the cluster and its sessions.")));
  }

  #target() {
    const { ui, store } = this.app;
    const channel = store.channel(ui.place);
    if (!channel || (channel.is_im && ui.tab !== "chat")) return null;
    if (!channel.is_im) return { channel: channel.id, placeholder: `Message #${channel.name} – ask with @kubeai` };
    const working = Boolean(ui.thread && store.working(channel.id, ui.thread));
    return { channel: channel.id, thread_ts: ui.thread, working, placeholder: ui.thread ? "Reply to kubeai" : "Ask kubeai about the cluster" };
  }

  #drawHead(channel) {
    const { ui, store } = this.app;
    const key = [ui.place, ui.tab, ui.viewer, channel.members.length, ui.thread].join();
    if (key === this.#headKey) return;
    this.#headKey = key;
    const tab = (name, label) => el("button", { type: "button", class: "tab", "aria-current": ui.tab === name ? "page" : null, on: { click: () => this.app.go({ tab: name, pane: "main" }) } }, label);
    const here = channel.members.includes(ui.viewer);
    const fresh = el("button", { type: "button", class: "button new-chat", on: { click: () => (this.app.go({ thread: null, tab: "chat" }), this.composer.focus()) } }, icon("plus"), "New chat");
    this.#head.replaceChildren(
      backButton(this.app),
      ...(channel.is_im
        ? [avatar(store.botUser, "kubeai", "small"), el("h1", {}, "kubeai"), el("nav", { class: "tabs", "aria-label": "kubeai" }, tab("home", "Home"), tab("chat", "Chat"), tab("history", "History")), fresh]
        : [el("h1", {}, icon("hash"), channel.name), el("span", { class: "faint" }, `${channel.members.length} members${here ? "" : " · you join by speaking here"}`)]));
  }

  #introKey = "";
  #intro = el("div");
  #channelIntro(channel) {
    if (this.#introKey !== channel.id) {
      this.#introKey = channel.id;
      this.#intro = el("div", { class: "intro" }, el("h2", {}, `#${channel.name}`), el("p", {}, "Mention ", el("span", { class: "mention" }, "@kubeai"), " to ask. It answers in a thread, with the rights of whoever asked."));
    }
    return this.#intro;
  }

  #drawChat() {
    const { ui, store } = this.app;
    const loose = (message) => message.ephemeral_to && !message.thread_ts && Number(message.ts) > Number(ui.thread ?? 0);
    const messages = store.seen(ui.place, ui.viewer).filter((message) => (ui.thread && (message.ts === ui.thread || message.thread_ts === ui.thread)) || loose(message));
    const session = ui.thread ? store.session(ui.place, ui.thread) : null;
    this.chat.draw(`${ui.viewer}:${ui.thread}`, messages, session, ui.thread ? [] : [this.#welcome()]);
  }

  #welcomeKey = "";
  #welcomeNode = null;
  #welcome() {
    const { ui, store } = this.app;
    const offered = store.prompts[ui.viewer]?.prompts ?? [];
    const tour = store.world.suggested.filter((each) => each.as === ui.viewer && each.channel === ui.place).map((each) => ({ title: each.text, message: each.text }));
    const prompts = offered.length ? offered : tour;
    const key = JSON.stringify([ui.viewer, prompts, store.prompts[ui.viewer]?.title]);
    if (key === this.#welcomeKey) return this.#welcomeNode;
    this.#welcomeKey = key;
    const person = store.person(ui.viewer);
    this.#welcomeNode = el("div", { class: "welcome" }, avatar(store.botUser, "kubeai", "large"), el("h2", {}, `Hello ${person?.name ?? ""}`),
      el("p", { class: "faint" }, person?.note ?? ""),
      prompts.length ? el("p", {}, store.prompts[ui.viewer]?.title || "Try asking") : null,
      el("div", { class: "prompts" }, prompts.map((prompt) => el("button", { type: "button", class: "prompt", on: { click: () => this.app.say("say", { channel: ui.place, text: this.app.written(prompt.message) }) } }, prompt.title))));
    return this.#welcomeNode;
  }

  #drawBody() {
    const { ui, store } = this.app;
    const roots = store.roots(ui.place, ui.viewer).filter((message) => !message.ephemeral_to);
    const view = store.homes[ui.viewer] ?? null;
    const key = ui.tab === "home" ? view : JSON.stringify([ui.viewer, roots.map((root) => [root.ts, root.text, store.session(ui.place, root.ts)?.title, store.session(ui.place, root.ts)?.status])]);
    if (key === this.#bodyKey && this.#body.dataset.tab === ui.tab + ui.viewer) return;
    this.#bodyKey = key;
    this.#body.dataset.tab = ui.tab + ui.viewer;
    this.#body.replaceChildren(ui.tab === "home" ? this.#home(view) : this.#history(roots));
  }

  #home(view) {
    if (!view) return el("div", { class: "intro" }, el("h2", {}, "Home"), el("p", { class: "faint" }, "kubeai has not published a home tab for this person."));
    return el("div", { class: "home" }, renderBlocks(view.blocks, { ...this.app.context(`view:${view.id}`, { view_id: view.id }), entries: new Map() }));
  }

  #history(roots) {
    const { ui, store } = this.app;
    const entry = (root) => {
      const session = store.session(ui.place, root.ts);
      return el("li", {}, el("button", { type: "button", class: "history-entry", on: { click: () => this.app.go({ thread: root.ts, tab: "chat" }) } },
        el("strong", {}, session?.title || mrkdwn(root.text.slice(0, 120), store.names(ui.viewer))), el("small", {}, `${clockTime(root.ts)} · ${store.replies(ui.place, root.ts, ui.viewer).length} replies${session?.status === "processing" ? " · working" : ""}`)));
    };
    if (!roots.length) return el("div", { class: "intro" }, el("h2", {}, "History"), el("p", { class: "faint" }, "No conversation yet."));
    return el("div", { class: "intro" }, el("h2", {}, "History"), el("ul", { class: "history" }, roots.toReversed().map(entry)));
  }
}

/** The thread of a channel message, beside the channel. */
export class ThreadPane {
  constructor(app) {
    this.app = app;
    this.list = new MessageList(app, false);
    this.composer = new Composer(app, "thread", () => this.#target());
    this.node = el("aside", { class: "pane thread", "aria-label": "Thread" },
      el("header", { class: "pane-head" }, backButton(app, "main"), el("h2", {}, "Thread"), iconButton("close", "Close the thread", () => app.go({ thread: null, pane: "main" }), { class: "push" })), this.list.node, this.composer.node);
    this.node.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && app.go({ thread: null, pane: "main" }));
  }

  get open() {
    const { ui, store } = this.app;
    return Boolean(ui.thread && store.channel(ui.place) && !store.channel(ui.place).is_im);
  }

  draw() {
    const { ui, store } = this.app;
    this.node.hidden = !this.open;
    if (!this.open) return;
    const messages = store.seen(ui.place, ui.viewer).filter((message) => message.ts === ui.thread || message.thread_ts === ui.thread);
    this.list.draw(`${ui.viewer}:${ui.thread}`, messages, store.session(ui.place, ui.thread));
    this.composer.draw();
  }

  #target() {
    const { ui, store } = this.app;
    return this.open ? { channel: ui.place, thread_ts: ui.thread, working: store.working(ui.place, ui.thread), placeholder: "Reply in thread" } : null;
  }
}

/** Words of an answer for a screen reader: what Markdown shows, without its marks. */
export function spoken(message) {
  const written = message.chunks?.filter((chunk) => chunk.type === "markdown_text").map((chunk) => chunk.text).join("") || message.text;
  const box = el("div", {}, fragment(markdown(written.slice(0, 1500))));
  return box.textContent.slice(0, 600);
}
