// Slack's mrkdwn and plain text as DOM.

import { el, fragment, link } from "./dom.js";

export const EMOJI = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", eyes: "👀", white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌",
  warning: "⚠️", rotating_light: "🚨", fire: "🔥", tada: "🎉", rocket: "🚀", wave: "👋", pray: "🙏", heart: "❤️", smile: "😄",
  smiley: "😃", slightly_smiling_face: "🙂", thinking_face: "🤔", joy: "😂", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  stopwatch: "⏱️", no_entry: "⛔", no_entry_sign: "🚫", lock: "🔒", unlock: "🔓", key: "🔑", mag: "🔍", bulb: "💡", memo: "📝",
  wrench: "🔧", hammer: "🔨", gear: "⚙️", package: "📦", ship: "🚢", whale: "🐳", robot_face: "🤖", information_source: "ℹ️",
  question: "❓", exclamation: "❗", red_circle: "🔴", large_green_circle: "🟢", large_yellow_circle: "🟡", large_blue_circle: "🔵",
  white_circle: "⚪", arrow_up: "⬆️", arrow_down: "⬇️", arrow_right: "➡️", arrows_counterclockwise: "🔄", octagonal_sign: "🛑",
  raised_hands: "🙌", clap: "👏", 100: "💯", star: "⭐", bug: "🐛", boom: "💥", chart_with_upwards_trend: "📈", clipboard: "📋",
  file_folder: "📁", page_facing_up: "📄", link: "🔗", bell: "🔔", speech_balloon: "💬", wastebasket: "🗑️", ok: "🆗", ok_hand: "👌",
};

export const withEmoji = (text) => text.replace(/:([a-z0-9_+'-]{1,60}):/g, (all, name) => (Object.hasOwn(EMOJI, name) ? EMOJI[name] : all));

const decode = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** Text with its line breaks and emoji, and nothing else. */
export function plain(text, emoji = true) {
  return fragment(String(text).split("\n").flatMap((line, at) => [at ? el("br") : null, emoji ? withEmoji(line) : line]));
}

export function mention(id, names) {
  const name = names.user(id);
  return el("span", { class: id === names.viewer ? "mention me" : "mention" }, `@${name ?? id}`);
}

export function channelMention(id, names) {
  return el("span", { class: "mention" }, `#${names.channel(id) ?? id}`);
}

/** Slack's date tokens, such as `{date_short} at {time}`, in the reader's language and time. */
export function date(seconds, format, fallback, address) {
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return fragment(fallback ?? String(seconds));
  const written = {
    date_num: () => when.toISOString().slice(0, 10),
    date: () => when.toLocaleDateString([], { dateStyle: "long" }),
    date_short: () => when.toLocaleDateString([], { dateStyle: "medium" }),
    date_long: () => when.toLocaleDateString([], { dateStyle: "full" }),
    time: () => when.toLocaleTimeString([], { timeStyle: "short" }),
    time_secs: () => when.toLocaleTimeString([], { timeStyle: "medium" }),
    ago: () => when.toLocaleString(),
  };
  const text = String(format).replace(/\{(\w+)\}/g, (all, token) => {
    const name = token.replace("_pretty", "");
    return Object.hasOwn(written, name) ? written[name]() : all;
  });
  const node = el("time", { datetime: when.toISOString() }, text);
  return address ? link(address, node) : node;
}

function control(target, label, names) {
  if (target.startsWith("@")) return mention(target.slice(1), names);
  if (target.startsWith("#")) return channelMention(target.slice(1), names);
  if (target.startsWith("!date^")) {
    const [, seconds, format, address] = target.split("^");
    return date(seconds, decode(format ?? ""), label, address);
  }
  if (target.startsWith("!")) return el("span", { class: "mention me" }, label || `@${target.slice(1).split("^")[0]}`);
  return label ? link(decode(target), decode(label)) : link(decode(target));
}

const INLINE =
  /`([^`\n]+)`|<([^<>|\n]+)(?:\|([^<>\n]*))?>|(?<![\w*])\*(?=\S)([^*\n]*[^\s*])\*(?![\w*])|(?<![\w_])_(?=\S)([^_\n]*[^\s_])_(?![\w_])|(?<![\w~])~(?=\S)([^~\n]*[^\s~])~(?![\w~])|(https?:\/\/[^\s<>|"'`]*[^\s<>|"'`.,;:!?)\]*_~])|\n/g;

function inline(text, names, depth = 0) {
  const out = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [all, code, target, label, bold, italic, strike, address] = match;
    out.push(withEmoji(decode(text.slice(at, match.index))));
    at = match.index + all.length;
    const inner = (words) => (depth > 5 ? decode(words) : inline(words, names, depth + 1));
    if (code) out.push(el("code", {}, decode(code)));
    else if (target) out.push(control(target, label, names));
    else if (bold) out.push(el("strong", {}, inner(bold)));
    else if (italic) out.push(el("em", {}, inner(italic)));
    else if (strike) out.push(el("s", {}, inner(strike)));
    else if (address) out.push(link(decode(address)));
    else out.push(el("br"));
  }
  out.push(withEmoji(decode(text.slice(at))));
  return out;
}

/** mrkdwn: emphasis, code, quotes, links, mentions, dates, emoji. */
export function mrkdwn(text, names) {
  const out = [];
  for (const [at, part] of String(text).split("```").entries()) {
    if (at % 2) {
      out.push(el("pre", {}, el("code", {}, decode(part.replace(/^\n/, "").replace(/\n$/, "")))));
      continue;
    }
    const words = at ? part.replace(/^\n/, "") : part;
    for (const group of words.match(/(?:^(?:&gt;|>).*(?:\n|$))+|(?:^(?!&gt;|>).*(?:\n|$))+/gm) ?? []) {
      const quoted = /^(?:&gt;|>)/.test(group);
      const body = quoted ? group.replace(/^(?:&gt;|>) ?/gm, "") : group;
      if (quoted) out.push(el("blockquote", {}, inline(body.replace(/\n$/, ""), names)));
      else out.push(...inline(body.replace(/\n$/, ""), names));
    }
  }
  return fragment(out);
}

/** A text object of either kind; a bare string counts as plain text. */
export function text(object, names) {
  if (typeof object === "string") return plain(object);
  if (!object) return fragment();
  return object.type === "mrkdwn" ? mrkdwn(object.text, names) : plain(object.text, object.emoji !== false);
}
