// The page: one socket to the playground, one state, and the panes that draw it.

import { el } from "./dom.js";
import { confirmed, Modals } from "./dialogs.js";
import { Inspector } from "./inspector.js";
import { MainPane, spoken, ThreadPane } from "./panes.js";
import { Banner, Rail } from "./rail.js";
import { keyOf, Store } from "./store.js";

const FIRST_WAIT = 300;
const LONGEST_WAIT = 5000;
const TOAST_FOR = 8000;
const KEPT = "kubeai-playground";

class App {
  store = new Store();
  ui = { viewer: null, place: null, tab: "chat", thread: null, inspector: innerWidth > 1250, lane: "calls", pane: "main", editing: null, ...remembered() };
  linked = false;
  #socket = null;
  #wait = FIRST_WAIT;
  #asked = new Map();
  #next = 1;
  #folds = new Set();
  #read = new Map();
  #planned = false;
  #live = el("div", { class: "sr-only", "aria-live": "polite" });
  #toasts = el("div", { class: "toasts", role: "alert" });

  start(root) {
    this.#toasts.popover = "manual";
    this.panes = [new Banner(this), new Rail(this), new MainPane(this), new ThreadPane(this), new Inspector(this)];
    root.append(...this.panes.map((pane) => pane.node), this.#live, this.#toasts);
    this.panes.push(new Modals(this));
    this.#connect();
  }

  #connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#took(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      this.linked = false;
      for (const answer of this.#asked.values()) answer({ ok: false, error: "The connection to the playground was lost." });
      this.#asked.clear();
      this.changed();
      setTimeout(() => this.#connect(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    });
  }

  #took(frame) {
    if (frame.type === "done") {
      this.#asked.get(frame.id)?.(frame);
      this.#asked.delete(frame.id);
      return;
    }
    if (frame.type === "message") this.#announce(frame.message);
    this.store.apply(frame);
    if (frame.type === "snapshot") {
      this.linked = true;
      this.#wait = FIRST_WAIT;
      const { people } = this.store; // nobody where Slack is real
      if (!this.store.person(this.ui.viewer)) this.ui.viewer = people[0]?.id ?? null;
      if (!this.store.channel(this.ui.place)) this.ui.place = people.length ? this.store.person(this.ui.viewer).dm : null;
      if (!this.store.messages.has(keyOf(this.ui.place, this.ui.thread))) this.ui.thread = null; // of an earlier world
    }
    this.changed();
  }

  // An answer is read out once, when it is complete, and only where it is on the screen.
  #announce(message) {
    const before = this.store.messages.get(keyOf(message.channel, message.ts));
    const complete = message.stream !== "live" && (!before || before.stream === "live");
    const here = message.channel === this.ui.place && (!message.ephemeral_to || message.ephemeral_to === this.ui.viewer);
    if (message.bot && complete && here) this.#live.replaceChildren(el("p", {}, `kubeai: ${spoken(message)}`));
  }

  /** Draws soon; many changes at once are drawn once. */
  changed() {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      const newest = this.store.seen(this.ui.place, this.ui.viewer).at(-1)?.ts;
      if (newest) this.#read.set(`${this.ui.viewer}:${this.ui.place}`, Number(newest));
      document.body.dataset.pane = this.#phonePane();
      document.body.classList.toggle("with-inspector", this.ui.inspector);
      document.body.classList.toggle("with-thread", this.panes[3].open);
      for (const pane of this.panes) pane.draw();
    });
  }

  #phonePane() {
    const { pane, inspector } = this.ui;
    return (pane === "thread" && !this.panes[3].open) || (pane === "inspector" && !inspector) ? "main" : pane;
  }

  /** Changes what is looked at: place, tab, thread, lane, inspector, pane (the one that a phone shows). */
  go(change) {
    Object.assign(this.ui, change);
    sessionStorage.setItem(KEPT, JSON.stringify({ ...this.ui, editing: null }));
    if (change.tab === "home") this.send("open_home", {});
    else if (change.tab === "chat") this.send("open_messages", {});
    this.changed();
  }

  become(viewer) {
    const inDm = this.store.channel(this.ui.place)?.is_im;
    this.go({ viewer, pane: "main", editing: null, ...(inDm ? { place: this.store.person(viewer).dm, thread: null, tab: "chat" } : {}) });
  }

  edit(key) {
    this.ui.editing = key;
    this.changed();
  }

  /** Channels of this person with messages of others that they have not looked at. */
  unread() {
    const { viewer } = this.ui;
    const mine = this.store.channels.filter((channel) => channel.members.includes(viewer));
    return mine.filter(({ id }) => {
      const newest = this.store.seen(id, viewer).filter((message) => message.user !== viewer).at(-1);
      return newest && Number(newest.ts) > (this.#read.get(`${viewer}:${id}`) ?? 0);
    }).map(({ id }) => id);
  }

  /** Asks the playground to do something as the person on the page; its answer. A failure is shown. */
  async send(verb, args) {
    if (this.#socket.readyState !== WebSocket.OPEN) return this.toast("Not connected: try again in a moment.");
    const id = this.#next++;
    const answer = new Promise((resolve) => this.#asked.set(id, resolve));
    const as = verb === "bot" ? {} : { as: this.ui.viewer };
    this.#socket.send(JSON.stringify({ id, do: verb, ...as, ...args }));
    const done = await answer;
    if (!done.ok) this.toast(done.error ?? "That did not work.");
    return done;
  }

  /** Says something and opens the thread that the answer will come in. */
  async say(verb, args) {
    const done = await this.send(verb, args);
    const inDm = this.store.channel(args.channel)?.is_im;
    if (done.ok && done.ts && !args.thread_ts && (inDm || args.text.includes(`<@${this.store.botUser}>`)))
      this.go({ place: args.channel, thread: done.ts, ...(inDm ? { pane: "main" } : { pane: "thread" }) });
    return done;
  }

  /** One step of the tour. */
  ask({ as, channel, text, follow_up }) {
    const before = follow_up ? this.store.roots(channel, as).findLast((message) => message.user === as) : null;
    this.go({ viewer: as, place: channel, tab: "chat", thread: before?.ts ?? null, pane: "main" });
    return this.say("say", { channel, text, thread_ts: before?.ts ?? null });
  }

  /** Typed text as Slack sends it: escaped, names of people and channels as mentions. */
  written(typed) {
    const { store } = this;
    const escaped = typed.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    const mentions = escaped.replace(/(^|[\s(])@(\w+)/g, (all, before, name) => {
      const person = store.people.find((each) => each.name.toLowerCase() === name.toLowerCase());
      const id = name.toLowerCase() === "kubeai" ? store.botUser : person?.id;
      return id ? `${before}<@${id}>` : all;
    });
    return mentions.replace(/(^|[\s(])#([\w-]+)/g, (all, before, name) => {
      const channel = store.channels.find((each) => !each.is_im && each.name === name);
      return channel ? `${before}<#${channel.id}|${name}>` : all;
    });
  }

  /** What blocks need to know of where they stand (elements.js); `place` goes along with every click. */
  context(key, place) {
    const { store, ui } = this;
    const act = async (element, block, choose, undo) => {
      if (element.confirm && !(await confirmed(element.confirm, store.names(ui.viewer)))) return undo?.();
      return this.send("click", { action_id: element.action_id, block_id: block.block_id, choose, ...place });
    };
    return { key, names: store.names(ui.viewer), viewer: ui.viewer, people: store.people, channels: store.channels, channel: ui.place, folds: this.#folds, act };
  }

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.toast("The browser does not let this page copy.");
    }
  }

  /** Says a failure above everything else; the answer that it stands for. */
  toast(error) {
    const note = el("div", { class: "toast" }, error);
    this.#toasts.append(note);
    this.#toasts.hidePopover();
    this.#toasts.showPopover(); // above an open dialog
    setTimeout(() => (note.remove(), this.#toasts.childElementCount || this.#toasts.hidePopover()), TOAST_FOR);
    return { ok: false, error };
  }
}

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

new App().start(document.querySelector("#app"));
