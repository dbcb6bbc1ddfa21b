// Texts with their entities. Their offsets count UTF-16 units, as JavaScript's strings do.
// What the bot says is inserted as text only: it can never become code.

import { element } from "./dom.js";
import { foldable } from "./quotation.js";

const TAGS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote",
};
const BLOCKS = new Set(["PRE", "BLOCKQUOTE"]);
const MARKED = new Set(["mention", "text_mention", "hashtag", "cashtag", "email", "phone_number"]);

function wrapper(entity, text, onCommand) {
  if (entity.type === "url" || entity.type === "text_link") return link(entity.url ?? text) ?? element("span");
  if (entity.type === "bot_command") {
    return element("button", { type: "button", className: "command", onclick: () => onCommand(text) });
  }
  if (entity.type === "spoiler") return element("span", { className: "spoiler" });
  if (entity.type === "expandable_blockquote") return foldable();
  return element(TAGS[entity.type] ?? "span", { className: MARKED.has(entity.type) ? "marked" : "" });
}

/** A link that opens a new page; null if a browser should not follow it. */
export function link(text) {
  const address = text.includes("://") ? text : `http://${text}`;
  if (!/^https?:/i.test(address) || !URL.canParse(address)) return null;
  return element("a", { href: address, target: "_blank", rel: "noopener noreferrer" });
}

export function formatted(text, entities = [], onCommand = () => {}) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const fill = (parent, start, end) => {
    let position = start;
    while (sorted.length && sorted[0].offset < end) {
      const entity = sorted.shift();
      const from = Math.max(entity.offset, position);
      const to = Math.min(entity.offset + entity.length, end);
      if (to <= from) continue;
      parent.append(text.slice(position, from));
      const child = wrapper(entity, text.slice(from, to), onCommand);
      fill(child.firstElementChild ?? child, from, to);
      parent.append(child);
      position = to + (BLOCKS.has(child.tagName) && text[to] === "\n" ? 1 : 0); // a block ends its line by itself
    }
    parent.append(text.slice(position, end));
    return parent;
  };
  return fill(element("div", { className: "text" }), 0, text.length);
}

const KINDS = {
  photo: "Photo", animation: "GIF", document: "File", voice: "Voice message", video: "Video",
  video_note: "Video message", audio: "Audio", sticker: "Sticker", location: "Location", contact: "Contact", poll: "Poll",
};

export const kindOf = (message) => KINDS[Object.keys(KINDS).find((kind) => kind in message)] ?? "Message";

/** The text with a word in the place of each spoiler. */
function unspoiled(text, entities = []) {
  const spoilers = entities.filter(({ type }) => type === "spoiler").sort((a, b) => b.offset - a.offset);
  return spoilers.reduce((words, { offset, length }) => `${words.slice(0, offset)}[hidden]${words.slice(offset + length)}`, text);
}

/** A message without its formatting: exactly the characters that were sent, but for spoilers. */
export function plainText(message) {
  const words = unspoiled(message.text ?? message.caption ?? "", message.entities ?? message.caption_entities);
  if (message.document) return [message.document.file_name ?? "File", words].filter(Boolean).join(": ");
  return words || kindOf(message);
}

/** A message in one line, for quotes, lists and screen readers: at most that many characters. */
export const inOneLine = (message, length = Infinity) => [...plainText(message).replaceAll("\n", " ")].slice(0, length).join("");
