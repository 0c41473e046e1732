// Dialogs: the question before a dangerous click, and the modals that the app opens.

import { el, fragment, iconButton } from "./dom.js";
import { renderBlocks } from "./blocks.js";
import { text } from "./mrkdwn.js";
import { entryKey } from "./elements.js";

/** Asks as a `confirm` object says; true if the person confirms. */
export function confirmed(confirm, names) {
  return new Promise((resolve) => {
    const answer = (value) => () => dialog.close(value);
    const dialog = el("dialog", { class: "dialog confirm", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
      el("h2", { id: "confirm-title" }, text(confirm.title, names)),
      el("div", { id: "confirm-text" }, text(confirm.text, names)),
      el("div", { class: "dialog-buttons" },
        el("button", { type: "button", class: "button", on: { click: answer("no") } }, text(confirm.deny, names)),
        el("button", { type: "button", class: `button ${confirm.style ?? "primary"}`, autofocus: true, on: { click: answer("yes") } }, text(confirm.confirm, names))));
    dialog.addEventListener("close", () => (dialog.remove(), resolve(dialog.returnValue === "yes")));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** The modal stack of the person on the page; the topmost is drawn. */
export class Modals {
  #dialog = el("dialog", { class: "dialog modal", "aria-labelledby": "modal-title" });
  #shown = null;
  #entries = new Map(); // of each view: what was entered
  #errors = {};

  constructor(app) {
    this.app = app;
    this.#dialog.addEventListener("cancel", (event) => (event.preventDefault(), this.#close()));
    document.body.append(this.#dialog);
  }

  draw() {
    const view = (this.app.store.modals[this.app.ui.viewer] ?? []).at(-1) ?? null;
    if (view === this.#shown) return;
    const sameView = view?.id === this.#shown?.id;
    this.#shown = view;
    if (!view) return this.#dialog.close();
    if (!sameView) this.#errors = {};
    if (!this.#dialog.open) this.#dialog.showModal();
    return this.#fill(view);
  }

  #context(view) {
    if (!this.#entries.has(view.id)) this.#entries.set(view.id, new Map());
    const context = this.app.context(`view:${view.id}`, { view_id: view.id });
    return { ...context, entries: this.#entries.get(view.id), errors: { ...view.errors, ...this.#errors } };
  }

  #fill(view) {
    const names = this.app.store.names(this.app.ui.viewer);
    const focused = document.activeElement?.dataset?.actionId;
    const form = el("form", { on: { submit: (event) => (event.preventDefault(), this.#submit(view)) } },
      el("header", {}, el("h2", { id: "modal-title" }, text(view.title, names)), iconButton("close", "Close", () => this.#close())),
      el("div", { class: "modal-body" }, fragment(renderBlocks(view.blocks, this.#context(view)))),
      el("footer", { class: "dialog-buttons" },
        el("button", { type: "button", class: "button", on: { click: () => this.#close() } }, view.close ? text(view.close, names) : "Close"),
        view.submit ? el("button", { type: "submit", class: "button primary" }, text(view.submit, names)) : null));
    form.noValidate = true;
    this.#dialog.replaceChildren(form);
    const wanted = [...form.querySelectorAll("[data-action-id]")].find((field) => field.dataset.actionId === focused);
    (form.querySelector("[aria-invalid]") ?? wanted ?? form.querySelector(".modal-body :is(input, select, textarea)"))?.focus();
  }

  async #submit(view) {
    this.#errors = {};
    const values = {};
    const entries = this.#entries.get(view.id) ?? new Map();
    for (const block of view.blocks.filter((each) => each.type === "input")) {
      const value = entries.get(entryKey(block.element, block));
      const initial = Object.keys(block.element).some((key) => key.startsWith("initial_"));
      const empty = value === undefined ? !initial : value === null || value === "" || value.length === 0;
      if (empty && !block.optional) this.#errors[block.block_id] = "Please complete this required field.";
      if (value !== undefined) (values[block.block_id] ??= {})[block.element.action_id] = value;
    }
    if (Object.keys(this.#errors).length) return this.#fill(view);
    return this.app.send("submit", { view_id: view.id, values });
  }

  #close() {
    if (this.#shown) this.app.send("close", { view_id: this.#shown.id });
  }
}
