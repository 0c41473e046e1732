// Where messages are written: mentions and commands complete themselves, Enter sends, a file can go along.

import { el, fileSize, icon, iconButton } from "./dom.js";

const LARGEST = 1024 * 1024;

/** `target` gives where a message goes: {channel, thread_ts?, placeholder, working} or null for nowhere. */
export class Composer {
  #area = el("textarea", { rows: 1, autocomplete: "off", spellcheck: "true", role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list" });
  #list;
  #chip = el("div", { class: "chip", hidden: true });
  #stop = el("button", { type: "button", class: "button danger stop", hidden: true }, icon("stop"), "Stop");
  #send = iconButton("send", "Send", () => this.#submit(), { class: "send" });
  #picker = el("input", { type: "file", hidden: true, tabindex: "-1", "aria-label": "File" });
  #drafts = new Map();
  #at = null;
  #file = null;
  #choices = [];
  #chosen = 0;

  constructor(app, name, target) {
    this.app = app;
    this.target = target;
    this.#list = el("div", { role: "listbox", id: `${name}-choices`, class: "menu choices-list", hidden: true, "aria-label": "Suggestions" });
    this.#area.setAttribute("aria-controls", `${name}-choices`);
    this.node = el("div", { class: "composer", "data-composer": name }, this.#list, this.#area, this.#chip,
      el("div", { class: "composer-bar" }, iconButton("clip", "Attach a file", () => this.#picker.click()), this.#picker,
        el("span", { class: "composer-hint" }, el("b", {}, "Enter"), " sends, ", el("b", {}, "Shift+Enter"), " starts a line"), this.#stop, this.#send));
    this.node.hidden = true; // until there is somewhere to say it
    this.#area.addEventListener("input", () => this.#typed());
    this.#area.addEventListener("keydown", (event) => this.#key(event));
    this.#area.addEventListener("blur", () => this.#offer([]));
    this.#stop.addEventListener("click", () => this.app.send("stop", { channel: this.target().channel, thread_ts: this.target().thread_ts }));
    this.#picker.addEventListener("change", () => this.#attach(this.#picker.files[0]));
  }

  draw() {
    const target = this.target();
    this.node.hidden = !target;
    if (!target) return;
    const at = `${this.app.ui.viewer}:${target.channel}:${target.thread_ts ?? ""}`;
    if (at !== this.#at) {
      if (this.#at) this.#drafts.set(this.#at, this.#area.value);
      this.#area.value = this.#drafts.get(at) ?? "";
      this.#at = at;
      this.#typed();
    }
    this.#area.placeholder = target.placeholder;
    this.#area.setAttribute("aria-label", target.placeholder);
    this.#stop.hidden = !target.working;
  }

  focus() {
    this.#area.focus();
  }

  #typed() {
    this.#area.rows = Math.min(8, Math.max(1, this.#area.value.split("\n").length, Math.ceil(this.#area.value.length / 90)));
    this.#send.classList.toggle("ready", Boolean(this.#area.value.trim() || this.#file));
    this.#offer(this.#completions());
  }

  #completions() {
    const before = this.#area.value.slice(0, this.#area.selectionStart);
    const command = before.match(/^\/(\S*)$/);
    const mention = before.match(/(?:^|\s)@(\w*)$/);
    const fits = (name, typed) => name.toLowerCase().startsWith(typed.toLowerCase());
    if (command) {
      const { commands, shortcuts } = this.app.store;
      return [
        ...commands.filter((known) => fits(known.command, before)).map((known) => ({ insert: `${known.command} `, from: 0, label: known.command, detail: [known.usage_hint, known.description].filter(Boolean).join(" · ") })),
        ...shortcuts.filter((known) => known.type === "global" && fits(known.name, command[1])).map((known) => ({ insert: "", from: 0, label: known.name, detail: "shortcut", pick: () => this.app.send("shortcut", { callback_id: known.callback_id }) })),
      ];
    }
    if (!mention) return [];
    const names = ["kubeai", ...this.app.store.people.map((person) => person.name)];
    return names.filter((name) => fits(name, mention[1])).map((name) => ({ insert: `@${name} `, from: before.length - mention[1].length - 1, label: `@${name}`, detail: name === "kubeai" ? "app" : "" }));
  }

  #offer(choices) {
    this.#choices = choices;
    this.#chosen = 0;
    this.#list.hidden = !choices.length;
    this.#area.setAttribute("aria-expanded", String(choices.length > 0));
    this.#list.replaceChildren(...choices.map((choice, at) => {
      const option = el("div", { role: "option", id: `${this.#list.id}-${at}`, class: "option" }, choice.label, choice.detail ? el("small", {}, choice.detail) : null);
      option.addEventListener("mousedown", (event) => (event.preventDefault(), (this.#chosen = at), this.#take()));
      return option;
    }));
    this.#mark();
  }

  #mark() {
    [...this.#list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === this.#chosen)));
    if (this.#choices.length) this.#area.setAttribute("aria-activedescendant", `${this.#list.id}-${this.#chosen}`);
    else this.#area.removeAttribute("aria-activedescendant");
  }

  #take() {
    const { insert, from, pick } = this.#choices[this.#chosen];
    this.#area.setRangeText(insert, from, this.#area.selectionStart, "end");
    this.#typed();
    pick?.();
  }

  #key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const offering = this.#choices.length > 0;
    if (offering && step) this.#chosen = (this.#chosen + step + this.#choices.length) % this.#choices.length;
    else if (offering && event.key === "Escape") this.#offer([]);
    else if (offering && (event.key === "Tab" || event.key === "Enter")) this.#take();
    else if (event.key === "Enter" && !event.shiftKey) this.#submit();
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.#mark();
  }

  #attach(file) {
    this.#picker.value = "";
    if (file && file.size > LARGEST) return this.app.toast(`${file.name} is larger than 1 MB.`);
    this.#file = file ?? null;
    this.#chip.hidden = !file;
    this.#chip.replaceChildren(...(file ? [icon("file"), `${file.name} (${fileSize(file.size)})`, iconButton("close", "Remove the file", () => this.#attach(null))] : []));
    this.#typed();
    return this.focus();
  }

  async #submit() {
    const target = this.target();
    const typed = this.#area.value.trim();
    const file = this.#file;
    if (!target || (!typed && !file)) return;
    this.#area.value = "";
    this.#attach(null);
    const done = await this.#say(target, typed, file);
    if (!done.ok && !this.#area.value) {
      this.#area.value = typed;
      this.#attach(file);
    }
  }

  async #say(target, typed, file) {
    const where = { channel: target.channel, ...(target.thread_ts ? { thread_ts: target.thread_ts } : {}) };
    const text = this.app.written(typed);
    if (file) return this.app.say("upload", { ...where, text, name: file.name, content_base64: await base64(file) });
    const [command, ...rest] = typed.split(" ");
    if (!command.startsWith("/") || target.thread_ts && !this.app.store.commands.some((known) => known.command === command)) return this.app.say("say", { ...where, text });
    if (!this.app.store.commands.some((known) => known.command === command)) return this.app.toast(`${command} is not a command of this workspace.`);
    return this.app.send("command", { channel: target.channel, command, text: rest.join(" ") });
  }
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}
