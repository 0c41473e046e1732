// Block Kit as DOM. `context`: see elements.js; also `folds`, a Set of the keys of what the reader folded or unfolded.

import { el, fragment, icon, link } from "./dom.js";
import { isElement, renderElement } from "./elements.js";
import { markdown, tableBox } from "./markdown.js";
import { plain, text } from "./mrkdwn.js";
import { richText, richWords } from "./rich_text.js";

/** A picture of the workspace or of `data:`; one from elsewhere is not fetched, its description links to it. */
export function picture(image, names, size = "") {
  const file = image.slack_file?.id;
  if (/^F[A-Z0-9]+$/.test(file ?? "")) return el("img", { class: `picture ${size}`, src: `/files/${file}`, alt: image.alt_text });
  const address = image.image_url ?? image.slack_file?.url ?? "";
  return el("span", { class: `picture remote ${size}` }, icon("file"), address ? link(address, image.alt_text) : image.alt_text);
}

/** Something that opens and closes, and stays as the reader left it when it is drawn again. */
function foldable(key, open, summary, body, context, more = {}) {
  const flipped = context.folds.has(key);
  const node = el("details", { open: open !== flipped, ...more }, el("summary", {}, summary), body);
  node.addEventListener("toggle", () => context.folds[node.open === open ? "delete" : "add"](key));
  return node;
}

const STATUS_WORDS = { pending: "not done", in_progress: "running", complete: "done", error: "failed" };

const shown = (value, context) => (typeof value === "string" ? plain(value) : value ? richText(value, context.names) : null);
const filled = (value) => Boolean(typeof value === "string" ? value : value && richWords(value));

/** One task, of a `task_card` block (details as rich text) or of a stream (details as a string). */
export function task(card, context) {
  const status = card.status ?? "pending";
  const head = [
    el("span", { class: `task-mark ${status}`, "aria-hidden": "true" }),
    el("span", { class: "task-title" }, card.title),
    el("span", { class: "sr-only" }, ` (${STATUS_WORDS[status] ?? status})`),
  ];
  const body = [
    filled(card.details) ? el("div", { class: "task-details" }, shown(card.details, context)) : null,
    filled(card.output) ? el("div", { class: "task-output" }, shown(card.output, context)) : null,
    card.sources?.length ? el("div", { class: "task-sources" }, card.sources.map((source) => link(source.url, source.text || source.url))) : null,
  ].filter(Boolean);
  const props = { class: `task ${status}`, "data-task-id": card.task_id ?? card.id };
  if (!body.length) return el("div", props, el("div", { class: "task-line" }, head));
  return foldable(`${context.key}:task:${card.task_id ?? card.id}`, status === "error", el("span", { class: "task-line" }, head), body, context, props);
}

export function plan(title, tasks, context) {
  const count = (status) => tasks.filter((card) => card.status === status).length;
  const [done, failed] = [count("complete"), count("error")];
  const running = done + failed < tasks.length;
  const waiting = running && !count("in_progress"); // for an approval, or stopped: nobody is at work
  const state = waiting ? "pending" : running ? "in_progress" : tasks.length && !done ? "error" : "complete";
  const tally = [running ? `${done} of ${tasks.length} done` : `${done} done`, failed ? `${failed} failed` : null].filter(Boolean).join(", ");
  const summary = el("span", { class: "plan-title" }, el("span", { class: `task-mark ${state}`, "aria-hidden": "true" }), el("strong", {}, title || "Plan"), el("small", {}, tally));
  return foldable(`${context.key}:plan`, running, summary, el("div", { class: "tasks" }, tasks.map((card) => task(card, context))), context, { class: "plan" });
}

function cell(value, context) {
  if (value?.type === "rich_text") return richText(value, context.names);
  return plain(value?.text ?? (value?.value === undefined ? "" : String(value.value)), false);
}

function table(block, context) {
  const settings = block.column_settings ?? [];
  const row = (cells, tag) =>
    el("tr", {}, cells.map((value, n) => {
      const align = settings[n]?.align ?? (value?.type === "raw_number" ? "right" : "left");
      return el(tag, { class: `align-${align}${settings[n]?.is_wrapped ? " wrapped" : ""}`, ...(tag === "th" ? { scope: "col" } : {}) }, cell(value, context));
    }));
  const [head, ...rest] = block.rows;
  const caption = block.caption ? el("caption", {}, block.caption) : null;
  return tableBox(el("table", {}, caption, el("thead", {}, head ? row(head, "th") : null), el("tbody", {}, rest.map((cells) => row(cells, "td")))));
}

const element = (item, block, context) =>
  item.type === "image" ? picture(item, context.names, "small") : isElement(item.type) ? renderElement(item, block, context) : unknown(item);

function section(block, context) {
  return [
    el("div", { class: "section-text" }, block.text ? text(block.text, context.names) : null,
      block.fields ? el("div", { class: "fields" }, block.fields.map((field) => el("div", { class: "field" }, text(field, context.names)))) : null),
    block.accessory ? el("div", { class: "accessory" }, block.accessory.type === "image" ? picture(block.accessory, context.names, "medium") : element(block.accessory, block, context)) : null,
  ];
}

function input(block, context) {
  const error = context.errors?.[block.block_id];
  const box = element(block.element, block, context);
  const field = box?.matches?.("input, textarea, select") ? box : null;
  if (error && field) field.setAttribute("aria-invalid", "true");
  return [
    el("div", { class: "label" }, text(block.label, context.names), block.optional ? el("small", {}, " (optional)") : null),
    box,
    block.hint ? el("div", { class: "hint" }, text(block.hint, context.names)) : null,
    error ? el("div", { class: "input-error", role: "alert" }, error) : null,
  ];
}

function card(block, context) {
  return [
    block.hero_image ? picture(block.hero_image, context.names, "hero") : null,
    el("div", { class: "card-head" }, block.icon ? picture(block.icon, context.names, "small") : null,
      el("div", {}, block.title ? el("strong", {}, text(block.title, context.names)) : null, block.subtitle ? el("div", { class: "subtitle" }, text(block.subtitle, context.names)) : null)),
    block.body ? el("div", {}, text(block.body, context.names)) : null,
    block.actions ? el("div", { class: "row" }, block.actions.map((item) => element(item, block, context))) : null,
  ];
}

function container(block, context) {
  const title = [
    block.icon ? picture(block.icon, context.names, "small") : null,
    el("strong", {}, block.rich_text_title ? richText(block.rich_text_title, context.names) : text(block.title, context.names)),
    block.subtitle ? el("small", {}, text(block.subtitle, context.names)) : null,
  ];
  const body = el("div", { class: "container-body" }, block.child_blocks.map((child) => renderBlock(child, context)));
  if (!block.is_collapsible) return [el("div", { class: "container-title" }, title), body];
  return foldable(`${context.key}:${block.block_id}`, !block.default_collapsed, el("span", { class: "container-title" }, title), body, context);
}

const KINDS = {
  section,
  header: (block) => el("h3", {}, plain(block.text.text)),
  divider: () => el("hr"),
  context: (block, context) => block.elements.map((item) => (item.type === "image" ? picture(item, context.names, "small") : el("span", {}, text(item, context.names)))),
  image: (block, context) => [block.title ? el("div", { class: "image-title" }, text(block.title, context.names)) : null, picture(block, context.names)],
  actions: (block, context) => block.elements.map((item) => element(item, block, context)),
  context_actions: (block, context) => block.elements.map((item) => element(item, block, context)),
  input,
  rich_text: (block, context) => richText(block, context.names),
  markdown: (block, context) => markdown(block.text, context.names),
  alert: (block, context) => [el("span", { class: "sr-only" }, `${block.level ?? "note"}: `), text(block.text, context.names)],
  table,
  data_table: table,
  card,
  carousel: (block, context) => block.elements.map((item) => renderBlock(item, context)),
  container,
  video: (block) => [el("strong", {}, link(block.title_url ?? block.video_url, block.title.text)), el("div", {}, block.alt_text), block.description ? el("div", {}, plain(block.description.text)) : null],
  plan: (block, context) => plan(block.title, block.tasks ?? [], context),
  task_card: (block, context) => task(block, context),
  file: (block) => `File ${block.external_id}`,
};
const CLASSES = { alert: (block) => `level-${block.level ?? "default"}`, container: (block) => (block.has_header_divider ? "divided" : "") };

/** What the page does not know, as it came. */
export function unknown(block) {
  return el("details", { class: "unknown" }, el("summary", {}, `Not drawn here: ${block?.type ?? "a block without a type"}`), el("pre", { tabindex: "0" }, JSON.stringify(block, null, 2)));
}

export function renderBlock(block, context) {
  if (!Object.hasOwn(KINDS, block?.type ?? "")) return unknown(block);
  return el("div", { class: `block block-${block.type} ${CLASSES[block.type]?.(block) ?? ""}`, "data-block-id": block.block_id }, KINDS[block.type](block, context));
}

export function renderBlocks(blocks, context) {
  return fragment((blocks ?? []).map((block) => renderBlock(block, context)));
}
