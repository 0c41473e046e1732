// The `rich_text` block as DOM.

import { el, fragment, link } from "./dom.js";
import { codeBlock } from "./markdown.js";
import { EMOJI, channelMention, date, mention, withEmoji } from "./mrkdwn.js";

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u", highlight: "mark", client_highlight: "mark" };

const PARTS = {
  text: (part) => part.text.split("\n").flatMap((line, at) => (at ? [el("br"), line] : [line])),
  link: (part) => [link(part.url, ...(part.text ? [part.text] : []))],
  user: (part, names) => [mention(part.user_id, names)],
  usergroup: (part) => [el("span", { class: "mention" }, `@${part.usergroup_id}`)],
  channel: (part, names) => [channelMention(part.channel_id, names)],
  team: (part) => [el("span", { class: "mention" }, `@${part.team_id}`)],
  emoji: (part) => [Object.hasOwn(EMOJI, part.name) ? EMOJI[part.name] : unicode(part.unicode) ?? `:${part.name}:`],
  date: (part) => [date(part.timestamp, part.format, part.fallback, part.url)],
  broadcast: (part) => [el("span", { class: "mention me" }, `@${part.range}`)],
  color: (part) => [el("code", {}, part.value)],
};

function unicode(written) {
  if (!/^[0-9a-fA-F]{1,6}(-[0-9a-fA-F]{1,6})*$/.test(written ?? "")) return null;
  const points = written.split("-").map((point) => parseInt(point, 16));
  return points.every((point) => point > 0 && point <= 0x10ffff) ? String.fromCodePoint(...points) : null;
}

function inline(elements, names) {
  return elements.map((part) => {
    const shown = Object.hasOwn(PARTS, part.type) ? PARTS[part.type](part, names) : [withEmoji(JSON.stringify(part))];
    return Object.entries(STYLES).reduce((inner, [style, tag]) => (part.style?.[style] ? [el(tag, {}, inner)] : inner), shown);
  });
}

const plainOf = (elements) => elements.map((part) => part.text || part.url || "").join("");

const ELEMENTS = {
  rich_text_section: (element, names) => el("div", { class: "rich-section" }, inline(element.elements, names)),
  rich_text_preformatted: (element) => codeBlock(plainOf(element.elements), element.language),
  rich_text_quote: (element, names) => el("blockquote", {}, inline(element.elements, names)),
  rich_text_list: (element, names) =>
    el(
      element.style === "ordered" ? "ol" : "ul",
      { class: `indent-${Math.min(element.indent ?? 0, 8)}`, ...(element.offset ? { start: element.offset + 1 } : {}) },
      element.elements.map((item) => el("li", {}, item.type === "rich_text_list" ? richElement(item, names) : inline(item.elements ?? [], names))),
    ),
};

function richElement(element, names) {
  return Object.hasOwn(ELEMENTS, element.type) ? ELEMENTS[element.type](element, names) : el("code", {}, JSON.stringify(element));
}

export function richText(block, names) {
  return fragment((block.elements ?? []).map((element) => richElement(element, names)));
}

/** The words of a rich text, for places that take no more. */
export const richWords = (block) =>
  (block?.elements ?? []).map((element) => (element.elements ? richWords(element) : element.text || element.url || "")).join("");
