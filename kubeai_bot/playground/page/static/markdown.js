// Markdown, as models write it and Slack's `markdown` blocks and streams take it, as DOM.

import { el, fragment, link } from "./dom.js";
import { mention, withEmoji } from "./mrkdwn.js";

const DEEPEST = 10; // beyond this a quote or list is shown as its text

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:\s+(.*?))?\s*#*$/;
const RULE = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const QUOTE = /^ {0,3}>/;
const ITEM = /^(\s*)([-*+]|(\d{1,9})[.)])(?:\s+|$)/;
const DELIMITERS = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

/** Markdown as DOM. Text that is still growing is shown as far as it is understood. `names`: who the people in it are. */
export function markdown(source, names = null) {
  const shown = blocks(source, 0);
  if (names) for (const person of shown.querySelectorAll("[data-person]")) person.replaceWith(mention(person.dataset.person, names));
  return shown;
}

function blocks(source, depth) {
  const lines = String(source).replaceAll("\r\n", "\n").replaceAll("\t", "    ").split("\n");
  const out = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) at += 1;
    else {
      const [node, next] = block(lines, at, depth);
      out.push(node);
      at = next;
    }
  }
  return fragment(out);
}

function block(lines, at, depth) {
  const line = lines[at];
  const fence = line.match(FENCE);
  if (fence) return code(lines, at, fence);
  const heading = line.match(HEADING);
  if (heading) return [el(`h${Math.min(heading[1].length + 2, 6)}`, { class: "heading" }, inline(heading[2] ?? "")), at + 1];
  if (RULE.test(line)) return [el("hr"), at + 1];
  if (depth < DEEPEST && QUOTE.test(line)) return quote(lines, at, depth);
  if (depth < DEEPEST && ITEM.test(line)) return list(lines, at, depth);
  if (line.includes("|") && DELIMITERS.test(lines[at + 1] ?? "") && lines[at + 1].includes("-")) return table(lines, at);
  return paragraph(lines, at);
}

function code(lines, at, [, marks, language]) {
  const body = [];
  const indent = lines[at].match(/^ */)[0].length;
  let next = at + 1;
  const closes = (line) => line.trim().startsWith(marks) && !line.trim().replaceAll(marks[0], "");
  while (next < lines.length && !closes(lines[next])) {
    body.push(lines[next].replace(new RegExp(`^ {0,${indent}}`), ""));
    next += 1;
  }
  return [codeBlock(body.join("\n"), language), next + 1];
}

/** Preformatted text that can be scrolled by keyboard; the lines of a unified diff have their colours. */
export function codeBlock(text, language = "") {
  const body = HUNK.test(text) ? text.split(/(?<=\n)/).map(diffLine) : text;
  return el("pre", { tabindex: "0", ...(language ? { "data-language": language } : {}) }, el("code", {}, body));
}

const HUNK = /^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@/m;
const DIFF_LINES = [[/^(?:---|\+\+\+) |^@@/, "diff-head"], [/^\+/, "diff-added"], [/^-/, "diff-removed"]];

function diffLine(line) {
  const kind = DIFF_LINES.find(([pattern]) => pattern.test(line))?.[1];
  return kind ? el("span", { class: kind }, line) : line;
}

function quote(lines, at, depth) {
  const body = [];
  while (at < lines.length && QUOTE.test(lines[at])) body.push(lines[at++].replace(/^ {0,3}> ?/, ""));
  return [el("blockquote", {}, blocks(body.join("\n"), depth + 1)), at];
}

function list(lines, at, depth) {
  const [, margin, , number] = lines[at].match(ITEM);
  const ordered = number !== undefined;
  const items = [];
  let match;
  while (at < lines.length && (match = lines[at].match(ITEM)) && (match[3] !== undefined) === ordered && !RULE.test(lines[at])) {
    if (match[1].length > margin.length + 1 || match[1].length + 1 < margin.length) break;
    const inside = match[1].length + 2;
    const body = [lines[at++].slice(match[0].length)];
    while (at < lines.length && belongs(lines, at, inside)) body.push(unindent(lines[at++], match[0].length));
    items.push(item(body.join("\n"), depth));
  }
  return [el(ordered ? "ol" : "ul", ordered && number !== "1" ? { start: number } : {}, items), at];
}

// A line belongs to a list item when it is indented, or continues its paragraph, or is blank before an indented one.
function belongs(lines, at, inside) {
  const line = lines[at];
  const indent = line.search(/\S/);
  if (indent < 0) return (lines[at + 1] ?? "").search(/\S/) >= inside;
  if (indent >= inside) return true;
  return Boolean(lines[at - 1].trim()) && ![FENCE, HEADING, RULE, QUOTE, ITEM].some((begin) => begin.test(line)) && !line.includes("|");
}

const unindent = (line, width) => line.slice(Math.min(width, Math.max(line.search(/\S/), 0)));

function item(body, depth) {
  const task = body.match(/^\[([ xX])\]\s+/);
  const rest = blocks(task ? body.slice(task[0].length) : body, depth + 1);
  const first = rest.firstChild;
  if (first?.nodeName === "P") first.replaceWith(...first.childNodes);
  return el("li", {}, task ? (task[1] === " " ? "☐ " : "☑ ") : null, rest);
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function table(lines, at) {
  const head = cells(lines[at]);
  const aligned = cells(lines[at + 1]).map((mark) => (mark.endsWith(":") ? (mark.startsWith(":") ? "center" : "right") : "left"));
  const row = (line, tag) => el("tr", {}, cells(line).slice(0, head.length).map((cell, n) => el(tag, { class: `align-${aligned[n] ?? "left"}`, ...(tag === "th" ? { scope: "col" } : {}) }, inline(cell))));
  const body = [];
  let next = at + 2;
  while (next < lines.length && lines[next].includes("|")) body.push(row(lines[next++], "td"));
  return [tableBox(el("table", {}, el("thead", {}, row(lines[at], "th")), el("tbody", {}, body))), next];
}

/** A table in a box of its own that scrolls sideways. */
export const tableBox = (node) => el("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": "Table" }, node);

function paragraph(lines, at) {
  const body = [lines[at++].trim()];
  while (at < lines.length && lines[at].trim() && ![FENCE, HEADING, RULE, QUOTE, ITEM].some((begin) => begin.test(lines[at]))) {
    if (lines[at].includes("|") && DELIMITERS.test(lines[at + 1] ?? "")) break;
    body.push(lines[at++].trim());
  }
  return [el("p", {}, inline(body.join("\n"))), at];
}

const INLINE = new RegExp(
  [
    /\\([!-/:-@[-`{-~])/, // 1 escaped
    /(?<!`)(`+)(?!`)([\s\S]*?[^`])\2(?!`)/, // 2 3 code
    /!?\[((?:[^[\]\\]|\\.|\[[^[\]]*\])*)\]\(\s*<?([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)>?(?:\s+"[^"\n]*")?\s*\)/, // 4 5 link
    /<((?:https?:\/\/|mailto:)[^\s<>]+)>/, // 6 autolink
    /\*\*(?=\S)([\s\S]*?\S)\*\*(?!\*)/, // 7 bold
    /(?<!\w)__(?=\S)([\s\S]*?\S)__(?!\w)/, // 8 bold
    /\*(?=[^\s*])([^*]*[^\s*])\*(?!\*)/, // 9 italic
    /(?<!\w)_(?=[^\s_])([^_]*[^\s_])_(?!\w)/, // 10 italic
    /~~(?=\S)([\s\S]*?\S)~~/, // 11 strike
    /(https?:\/\/[^\s<>|"'`]*[^\s<>|"'`.,;:!?)\]*_~])/, // 12 address
    /&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos|nbsp);/, // 13 entity
    /(\n)/, // 14 line break
    /<@([UW][A-Z0-9]{2,30})>/, // 15 person
  ].map((part) => part.source).join("|"),
  "g",
);
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

function entity(name) {
  if (!name.startsWith("#")) return ENTITIES[name];
  const point = /^#[xX]/.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
}

function inline(source, depth = 0) {
  const out = [];
  let at = 0;
  const inner = (words) => (depth > 5 ? words : inline(words, depth + 1));
  for (const match of source.matchAll(INLINE)) {
    const [all, escaped, , code, label, address, auto, bold, bold2, italic, italic2, strike, bare, named, , person] = match;
    out.push(withEmoji(source.slice(at, match.index)));
    at = match.index + all.length;
    if (escaped) out.push(escaped);
    else if (code !== undefined) out.push(el("code", {}, code.replace(/^ (.*) $/s, "$1")));
    else if (label !== undefined) out.push(link(address, ...[inner(label || address)].flat()));
    else if (auto || bare) out.push(link(auto ?? bare));
    else if (bold ?? bold2) out.push(el("strong", {}, inner(bold ?? bold2)));
    else if (italic ?? italic2) out.push(el("em", {}, inner(italic ?? italic2)));
    else if (strike) out.push(el("s", {}, inner(strike)));
    else if (named) out.push(entity(named));
    else if (person) out.push(el("span", { class: "mention", "data-person": person }, `@${person}`));
    else out.push(el("br"));
  }
  out.push(withEmoji(source.slice(at)));
  return out;
}
