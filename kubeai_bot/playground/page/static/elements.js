// Block Kit's interactive elements: buttons, menus, pickers, inputs.
//
// `context` is where they stand: {names, viewer, people, channels, act, entries}. `act(element, block, choose)` sends a
// click or a choice; in a modal an input block has `entries` instead, a Map that keeps what was entered.

import { el, icon, iconButton, link, menuButton } from "./dom.js";
import { text, withEmoji } from "./mrkdwn.js";
import { richWords } from "./rich_text.js";

/** The key of an element's entry in a form. */
export const entryKey = (element, block) => JSON.stringify([block.block_id ?? "", element.action_id ?? ""]);

const marks = (element, block) => ({ "data-action-id": element.action_id, "data-block-id": block.block_id });
const words = (object) => withEmoji(typeof object === "string" ? object : (object?.text ?? ""));
const label = (element, block) => words(block.label) || words(element.placeholder) || element.type.replaceAll("_", " ");
const visible = (element, context) => !element.visible_to_user_ids || element.visible_to_user_ids.includes(context.viewer);

// What was entered earlier in this form, or the element's own first value.
const before = (element, block, context, initial) => context.entries?.get(entryKey(element, block)) ?? initial;

// A choice is kept in the form. It is sent at once, but in an input block only where the block asks for it.
function choose(element, block, context, value, undo = () => {}) {
  context.entries?.set(entryKey(element, block), value);
  if (block.type !== "input" || block.dispatch_action) context.act(element, block, value, undo);
}

function button(element, block, context) {
  if (!visible(element, context)) return null;
  const props = { type: "button", class: `button ${element.style ?? ""}`, "aria-label": element.accessibility_label, ...marks(element, block) };
  const node = el("button", props, words(element.text));
  node.addEventListener("click", () => {
    if (element.url) link(element.url).click?.();
    context.act(element, block, null);
  });
  return node;
}

function iconElement(element, block, context) {
  if (!visible(element, context)) return null;
  return iconButton("trash", element.accessibility_label ?? words(element.text), () => context.act(element, block, null), marks(element, block));
}

function feedback(element, block, context) {
  const thumb = (side, name) =>
    iconButton(name, element[side].accessibility_label ?? words(element[side].text), (event) => {
      for (const other of event.currentTarget.parentElement.children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
      context.act(element, block, side === "positive_button" ? "positive" : "negative");
    }, { ...marks(element, block), "aria-pressed": "false", "data-side": side });
  return el("span", { class: "feedback", role: "group", "aria-label": "Feedback" }, thumb("positive_button", "up"), thumb("negative_button", "down"));
}

function overflow(element, block, context) {
  const items = () =>
    element.options.map((option) => ({
      label: words(option.text),
      detail: words(option.description),
      href: option.url,
      pick: () => context.act(element, block, option.value),
    }));
  return menuButton(icon("more"), "More actions", items, marks(element, block));
}

const optionLabel = (option) => words(option.text) + (option.description ? ` – ${words(option.description)}` : "");
const asOption = (option) => ({ value: option.value, label: optionLabel(option) });
const peopleOptions = (context) => context.people.map((person) => ({ value: person.id, label: person.name }));
const channelOptions = (context) => context.channels.filter((channel) => !channel.is_im).map((channel) => ({ value: channel.id, label: `#${channel.name}` }));

// [groups of options, initial value(s)] of every kind of menu.
const MENUS = {
  static_select: (element) => [
    element.option_groups ? element.option_groups.map((group) => ({ label: words(group.label), options: group.options.map(asOption) })) : [{ options: (element.options ?? []).map(asOption) }],
    element.initial_option?.value ?? element.initial_options?.map((option) => option.value),
  ],
  users_select: (element, context) => [[{ options: peopleOptions(context) }], element.initial_user ?? element.initial_users],
  channels_select: (element, context) => [[{ options: channelOptions(context) }], element.initial_channel ?? element.initial_channels],
  conversations_select: (element, context) => [
    [{ options: channelOptions(context) }],
    element.initial_conversation ?? element.initial_conversations ?? (element.default_to_current_conversation ? context.channel : undefined),
  ],
};

function select(element, block, context) {
  const [groups, initial] = MENUS[element.type](element, context);
  let chosen = before(element, block, context, initial) ?? "";
  const entries = (options) => options.map((option) => el("option", { value: option.value, selected: option.value === chosen }, option.label));
  const node = el("select", { class: "select", "aria-label": label(element, block), ...marks(element, block) },
    el("option", { value: "", disabled: true, hidden: true, selected: !chosen }, words(element.placeholder) || "Choose…"),
    groups.map((group) => (group.label ? el("optgroup", { label: group.label }, entries(group.options)) : entries(group.options))));
  node.addEventListener("change", () => {
    const earlier = chosen;
    chosen = node.value;
    choose(element, block, context, chosen, () => (node.value = chosen = earlier));
  });
  return node;
}

function multiSelect(element, block, context) {
  const [groups, initial] = MENUS[element.type.replace("multi_", "")](element, context);
  const chosen = new Set(before(element, block, context, initial) ?? []);
  const face = el("summary", { class: "select" });
  const options = groups.flatMap((group) => group.options);
  const say = () => face.replaceChildren(options.filter((option) => chosen.has(option.value)).map((option) => option.label).join(", ") || words(element.placeholder) || "Choose…");
  const tick = (option) => {
    const box = el("input", { type: "checkbox", checked: chosen.has(option.value), value: option.value });
    box.addEventListener("change", () => {
      if (box.checked && chosen.size >= (element.max_selected_items ?? Infinity)) return (box.checked = false);
      chosen[box.checked ? "add" : "delete"](option.value);
      say();
      return choose(element, block, context, [...chosen]);
    });
    return el("label", { class: "choice" }, box, el("span", {}, option.label));
  };
  say();
  return el("details", { class: "multi", ...marks(element, block) }, face, el("fieldset", {}, el("legend", { class: "sr-only" }, label(element, block)), groups.map((group) => [group.label ? el("div", { class: "group-label" }, group.label) : null, group.options.map(tick)])));
}

function choices(element, block, context) {
  const radio = element.type === "radio_buttons";
  const initial = radio ? [element.initial_option?.value] : (element.initial_options ?? []).map((option) => option.value);
  const chosen = new Set([before(element, block, context, initial)].flat());
  const name = `choice-${Math.random().toString(36).slice(2)}`;
  const all = element.options.map((option) => {
    const box = el("input", { type: radio ? "radio" : "checkbox", name, value: option.value, checked: chosen.has(option.value) });
    box.addEventListener("change", () => {
      const ticked = [...set.querySelectorAll("input:checked")].map((other) => other.value);
      choose(element, block, context, radio ? box.value : ticked, () => (box.checked = !box.checked));
    });
    return el("label", { class: "choice" }, box, el("span", {}, text(option.text, context.names), option.description ? el("small", {}, text(option.description, context.names)) : null));
  });
  const set = el("fieldset", { class: "choices", ...marks(element, block) }, el("legend", { class: "sr-only" }, label(element, block)), all);
  return set;
}

// [type of the HTML input, initial value, value to send from what was entered] of pickers and typed inputs.
const localMinute = (seconds) => new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60000).toISOString().slice(0, 16);
const richFrom = (value) => ({ type: "rich_text", elements: [{ type: "rich_text_section", elements: value ? [{ type: "text", text: value }] : [] }] });
const same = (value) => value;
const INPUTS = {
  datepicker: (element) => ["date", element.initial_date, same],
  timepicker: (element) => ["time", element.initial_time, same],
  datetimepicker: (element) => ["datetime-local", element.initial_date_time && localMinute(element.initial_date_time), (value) => Math.floor(new Date(value).getTime() / 1000)],
  plain_text_input: (element) => ["text", element.initial_value, same],
  email_text_input: (element) => ["email", element.initial_value, same],
  url_text_input: (element) => ["url", element.initial_value, same],
  number_input: (element) => ["number", element.initial_value, same],
  rich_text_input: (element) => ["rich", richWords(element.initial_value), richFrom],
  external_select: (element) => ["text", element.initial_option?.value, same],
  multi_external_select: (element) => ["text", element.initial_options?.map((option) => option.value).join(", "), (value) => value.split(",").map((part) => part.trim()).filter(Boolean)],
};
const AT_ONCE = ["date", "time", "datetime-local"];

function typed(element, block, context) {
  const [type, initial, sent] = INPUTS[element.type](element);
  const tall = element.multiline || type === "rich";
  const common = { class: "text-input", placeholder: words(element.placeholder) || null, "aria-label": label(element, block), minlength: element.min_length, maxlength: element.max_length, ...marks(element, block) };
  const node = tall ? el("textarea", { ...common, rows: 3 }) : el("input", { ...common, type, min: element.min_value, max: element.max_value, step: type === "number" ? (element.is_decimal_allowed ? "any" : "1") : null, autocomplete: "off" });
  const kept = before(element, block, context, undefined);
  node.value = (kept?.type === "rich_text" ? richWords(kept) : element.type === "datetimepicker" && kept ? localMinute(kept) : kept) ?? initial ?? "";
  const keep = () => context.entries?.set(entryKey(element, block), node.value === "" ? (element.type === "plain_text_input" ? "" : null) : sent(node.value));
  node.addEventListener("input", keep);
  node.addEventListener("change", () => (keep(), AT_ONCE.includes(type) && node.value && block.type !== "input" && context.act(element, block, sent(node.value))));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || tall || event.isComposing) return;
    event.preventDefault();
    if (block.type !== "input" || block.dispatch_action) context.act(element, block, sent(node.value));
    else node.form?.requestSubmit();
  });
  return node;
}

const notSimulated = (element) => el("em", { class: "not-simulated" }, `${element.type} is not simulated`);

const KINDS = {
  button,
  workflow_button: button,
  icon_button: iconElement,
  feedback_buttons: feedback,
  overflow,
  checkboxes: choices,
  radio_buttons: choices,
  file_input: notSimulated,
  ...Object.fromEntries(Object.keys(MENUS).flatMap((kind) => [[kind, select], [`multi_${kind}`, multiSelect]])),
  ...Object.fromEntries(Object.keys(INPUTS).map((kind) => [kind, typed])),
};

export const isElement = (kind) => Object.hasOwn(KINDS, kind);

/** The element as DOM, or null where this person does not see it. */
export function renderElement(element, block, context) {
  return KINDS[element.type](element, block, context);
}
