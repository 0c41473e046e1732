// One message as Slack shows it: who, when, what; reactions, files, replies, and what can be done with it.

import { clockTime, el, fileSize, icon, iconButton, menuButton } from "./dom.js";
import { plan, renderBlocks, task } from "./blocks.js";
import { markdown } from "./markdown.js";
import { EMOJI, mrkdwn } from "./mrkdwn.js";
import { keyOf } from "./store.js";

const QUICK = ["+1", "-1", "eyes", "white_check_mark", "tada", "heart"];
const ENDED = {
  stopped_by_user: "Stopped",
  expired: "This answer broke off: Slack ended its stream.",
};

const tint = (id) => [...id].reduce((sum, letter) => (sum * 2 + letter.charCodeAt(0)) % 65521, 0) % 6;

export function avatar(id, name, size = "") {
  const bot = name === "kubeai";
  return el("span", { class: `avatar ${size} ${bot ? "bot" : `tint-${tint(id)}`}`, "aria-hidden": "true" }, bot ? icon("robot") : (name ?? "?").slice(0, 1));
}

function streamed(message, context) {
  const cards = message.chunks.filter((chunk) => chunk.type === "task_update");
  const title = message.chunks.findLast((chunk) => chunk.type === "plan_update")?.title;
  const inPlan = message.display_mode === "plan";
  const shown = message.chunks.map((chunk, at) => {
    if (chunk.type === "markdown_text") return el("div", { class: "block block-markdown" }, markdown(chunk.text, context.names));
    if (chunk.type === "task_update" && !inPlan) return task(chunk, context);
    return chunk.type === "blocks" ? renderBlocks(chunk.blocks, { ...context, key: `${context.key}:${at}` }) : null;
  });
  return [inPlan && (cards.length || title) ? plan(title, cards, context) : null, shown];
}

function content(message, context, names) {
  if (message.deleted) return el("em", { class: "faint" }, "This message was deleted.");
  const parts = message.chunks?.length ? streamed(message, context) : [];
  // People's blocks say the same as their text, which keeps the line breaks and emphasis they typed.
  if (message.bot && message.blocks?.length) parts.push(renderBlocks(message.blocks, context));
  else if (!message.chunks?.length && message.text) parts.push(el("div", { class: "block block-text" }, mrkdwn(message.text, names)));
  for (const attached of message.attachments ?? [])
    parts.push(el("blockquote", { class: "attachment" }, attached.blocks ? renderBlocks(attached.blocks, context) : mrkdwn(attached.text ?? attached.fallback ?? "", names)));
  return parts;
}

function files(message) {
  return message.files?.map((file) => {
    const node = el("a", { class: "file", download: file.name }, icon("file"), el("span", {}, el("strong", {}, file.name), el("small", {}, fileSize(file.size), " · download")));
    node.href = `/files/${encodeURIComponent(file.id)}`;
    return node;
  });
}

function reactions(message, app) {
  const mine = (users) => users.includes(app.ui.viewer);
  return message.reactions?.length
    ? el("div", { class: "reactions" }, message.reactions.map(({ name, users }) =>
        el("button", { type: "button", class: "reaction", "aria-pressed": String(mine(users)), title: users.map((id) => app.store.nameOf(id) ?? id).join(", "),
          "aria-label": `${name}, ${users.length}`, on: { click: () => app.send("react", { channel: message.channel, ts: message.ts, name }) } },
          EMOJI[name] ?? `:${name}:`, " ", String(users.length))))
    : null;
}

function more(message, app) {
  const place = { channel: message.channel, ts: message.ts };
  const own = message.user === app.ui.viewer && !message.bot;
  return [
    ...app.store.shortcuts.filter((shortcut) => shortcut.type === "message").map((shortcut) => ({ label: shortcut.name, detail: "kubeai", pick: () => app.send("shortcut", { callback_id: shortcut.callback_id, ...place }) })),
    { label: "Copy text", pick: () => app.copy(message.text) },
    ...(own ? [{ label: "Edit message", pick: () => app.edit(keyOf(message.channel, message.ts)) }, { label: "Delete message", pick: () => app.send("delete", place) }] : []),
  ];
}

function toolbar(message, app, threads) {
  if (message.ephemeral_to || message.deleted) return null;
  const react = (name) => app.send("react", { channel: message.channel, ts: message.ts, name });
  return el("div", { class: "toolbar", role: "group", "aria-label": "Message actions" },
    menuButton(icon("smile"), "Add a reaction", () => QUICK.map((name) => ({ label: EMOJI[name], name, pick: () => react(name) })), { class: "icon-button" }),
    threads ? iconButton("reply", "Reply in thread", () => app.go({ thread: message.thread_ts ?? message.ts, pane: "thread" })) : null,
    menuButton(icon("more"), "More actions", () => more(message, app), { class: "icon-button" }));
}

function editor(message, app) {
  const area = el("textarea", { class: "text-input", rows: 2, "aria-label": "Edit message" });
  area.value = message.text.replaceAll(`<@${app.store.botUser}>`, "@kubeai").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  const done = async (save) => {
    if (!save || (await app.send("edit", { channel: message.channel, ts: message.ts, text: app.written(area.value) })).ok) app.edit(null);
  };
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") done(false);
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) (event.preventDefault(), done(true));
  });
  queueMicrotask(() => area.focus());
  return el("div", { class: "editor" }, area, el("div", { class: "row" },
    el("button", { type: "button", class: "button", on: { click: () => done(false) } }, "Cancel"),
    el("button", { type: "button", class: "button primary", on: { click: () => done(true) } }, "Save")));
}

function replySummary(message, app) {
  const answers = app.store.replies(message.channel, message.ts, app.ui.viewer);
  if (!answers.length) return null;
  const who = [...new Set(answers.map((reply) => reply.user))].slice(0, 4);
  return el("button", { type: "button", class: "replies", on: { click: () => app.go({ thread: message.ts, pane: "thread" }) } },
    who.map((id) => avatar(id, app.store.nameOf(id), "tiny")), el("span", {}, `${answers.length} ${answers.length === 1 ? "reply" : "replies"}`), el("small", {}, clockTime(answers.at(-1).ts)));
}

/** The message as DOM. `threads`: it stands in a channel, where it leads to its thread. */
export function renderMessage(message, app, threads) {
  const name = message.bot ? "kubeai" : (app.store.nameOf(message.user) ?? message.user);
  const key = keyOf(message.channel, message.ts);
  const context = app.context(key, { channel: message.channel, ts: message.ts });
  const live = message.stream === "live";
  return el("article", { class: `message ${message.ephemeral_to ? "ephemeral" : ""} ${live ? "live" : ""}`, "aria-label": `${name}, ${clockTime(message.ts)}`, "aria-busy": live ? "true" : null, "data-ts": message.ts, dir: "auto" },
    message.ephemeral_to ? el("div", { class: "only-you" }, icon("eye"), "Only visible to you") : null,
    avatar(message.user, name),
    el("div", { class: "message-head" }, el("strong", {}, name), message.bot ? el("span", { class: "app-badge" }, "APP") : null, el("time", { datetime: new Date(Number(message.ts) * 1000).toISOString() }, clockTime(message.ts))),
    el("div", { class: "message-body" },
      app.ui.editing === key ? editor(message, app) : guarded(() => content(message, context, app.store.names(app.ui.viewer))),
      message.edited && !message.deleted ? el("small", { class: "faint edited" }, "(edited)") : null,
      live ? el("span", { class: "caret", "aria-hidden": "true" }) : null,
      ENDED[message.stream] ? el("div", { class: "ended" }, ENDED[message.stream]) : null,
      files(message), reactions(message, app), threads ? replySummary(message, app) : null),
    toolbar(message, app, threads));
}

// One message that cannot be drawn must not take the others with it.
function guarded(draw) {
  try {
    return draw();
  } catch (error) {
    console.error("a message could not be drawn", error);
    return el("div", { class: "unknown" }, `This message could not be drawn: ${error.message}`);
  }
}
