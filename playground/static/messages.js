// The conversation that is shown. An album's messages share one bubble. Each has its own element in it,
// so that an answer can lead back to the picture that it is about.

import { isGroup } from "./api.js";
import { at, dayName, dayOf, element, time } from "./dom.js";
import { formatted, inOneLine, kindOf, link } from "./text.js";

const NEAR_END_PX = 120;
const TYPING_MS = 5000; // how long Telegram shows a chat action: https://core.telegram.org/bots/api#sendchataction
const PREVIEW_PX = 480;

const list = at("messages");
let messages = new Map(); // by id, oldest first
let loaded = false;
let handlers = {}; // onCommand(text), onReply(message), onPress(message, button), onPicture(link)
let following = true; // the view is at the end, and stays there as the conversation grows
let typingTimer = 0;

const isMine = (message) => !message.from?.is_bot;
const author = (message) => message.from?.first_name ?? message.chat?.title ?? "";
const blockOf = (message) => (message.media_group_id ? `g${message.media_group_id}` : `m${message.message_id}`);
const fileUrl = (file) => `/api/files/${file.file_id}`;

// ---- one bubble ----

function quote(original) {
  const made = element(
    "button",
    { type: "button", className: "quote", title: "Go to this message", onclick: () => show(original.message_id) },
    element("span", {}, element("b", { textContent: author(original) }), element("span", { textContent: inOneLine(original, 120) })),
  );
  if (original.photo) made.prepend(element("img", { src: fileUrl(original.photo[0]), alt: "" }));
  return made;
}

function photo(message) {
  const sizes = message.photo;
  const shown = sizes.find((size) => size.width >= PREVIEW_PX) ?? sizes.at(-1);
  const alt = message.caption ?? `Photo from ${author(message)}`;
  const image = element("img", { alt, src: fileUrl(shown), width: shown.width, height: shown.height });
  const made = element("a", { className: "photo", href: fileUrl(sizes.at(-1)), target: "_blank" }, image);
  made.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    handlers.onPicture(made.href, alt);
  });
  return made;
}

function sizeOf(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function file(sent) {
  const words = element("span", { textContent: sent.file_name ?? "File" }, element("small", { textContent: sizeOf(sent.file_size) }));
  const made = element("a", { className: "file", href: fileUrl(sent), download: sent.file_name ?? "" });
  if (/^image\//.test(sent.mime_type)) {
    const image = element("img", { src: fileUrl(sent), alt: "" });
    image.addEventListener("error", () => image.remove()); // its type says image, but it is not one
    made.append(image);
  }
  made.append(words);
  return made;
}

function content(message) {
  if (message.photo) return photo(message);
  if (message.document) return file(message.document);
  return message.text ? null : element("div", { className: "kind", textContent: kindOf(message) });
}

function album(block) {
  const tiles = block.map((message) => element("div", { id: `m${message.message_id}` }, content(message)));
  return element("div", { className: block[0].photo ? "album" : "files" }, ...tiles);
}

function keyboard(message) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return "";
  const made = rows.map((row) => element("div", {}, ...row.map((button) => {
    const away = button.url && link(button.url);
    if (away) return Object.assign(away, { textContent: `${button.text} ↗` });
    return element("button", { type: "button", textContent: button.text, onclick: () => handlers.onPress(message, button) });
  })));
  return element("div", { className: "keyboard" }, ...made);
}

function replyButton(message) {
  const made = element("button", { type: "button", className: "button reply", title: "Reply", ariaLabel: `Reply to: ${inOneLine(message, 60)}` });
  made.append(at("reply-icon").content.cloneNode(true));
  made.addEventListener("click", () => handlers.onReply(message));
  return made;
}

function article(block) {
  const first = block[0];
  const bubble = element("div", { className: "bubble" });
  const named = isGroup() && !isMine(first);
  bubble.append(element("span", { className: named ? "author" : "hidden", textContent: named ? author(first) : `${author(first)}: ` }));
  if (first.reply_to_message) bubble.append(quote(first.reply_to_message));
  bubble.append((block.length > 1 ? album(block) : content(first)) ?? "");
  const worded = block.find((message) => message.text ?? message.caption);
  if (worded) bubble.append(formatted(worded.text ?? worded.caption, worded.entities ?? worded.caption_entities, handlers.onCommand));
  else if (first.photo) bubble.classList.add("wordless");
  bubble.append(time(first.date, first.from?.is_bot && first.edit_date));
  const made = element("article", { id: block.length > 1 ? blockOf(first) : `m${first.message_id}`, className: isMine(first) ? "message mine" : "message" });
  made.dataset.block = blockOf(first);
  made.dataset.day = dayOf(first.date);
  made.append(bubble, replyButton(first), keyboard(block.at(-1)));
  return made;
}

// ---- the conversation ----

const blockMessages = (name) => [...messages.values()].filter((message) => blockOf(message) === name);
const findBlock = (name) => [...list.querySelectorAll("article")].findLast((made) => made.dataset.block === name);

function separateDays() {
  for (const old of list.querySelectorAll(".day")) old.remove();
  let before = "";
  for (const made of list.querySelectorAll("article")) {
    const { day } = made.dataset;
    if (day !== before) made.before(element("p", { className: "day" }, element("span", { textContent: dayName(Number(day)) })));
    before = day;
  }
}

function render(name) {
  const old = findBlock(name);
  const block = blockMessages(name);
  if (old) old.replaceWith(article(block));
  else list.append(article(block));
}

/** Show a chat's history instead of what was shown. The same history again changes nothing. */
export function showHistory(history, { sameChat = false } = {}) {
  if (sameChat && loaded && JSON.stringify(history) === JSON.stringify([...messages.values()])) return;
  loaded = true;
  stopTyping();
  messages = new Map(history.map((message) => [message.message_id, message]));
  const blocks = Map.groupBy(history, blockOf);
  list.replaceChildren(...[...blocks.values()].map(article));
  changed();
  if (!sameChat) following = true;
  follow();
}

/** Show a new message, or a changed one. */
export function put(message) {
  const isNew = !messages.has(message.message_id);
  messages.set(message.message_id, message);
  if (!isMine(message)) stopTyping();
  else if (isNew) following = true;
  render(blockOf(message));
  if (typingTimer) list.append(at("typing"));
  changed();
  follow();
}

export const lastId = () => [...messages.keys()].at(-1) ?? 0;

function changed() {
  separateDays();
  at("empty").hidden = messages.size > 0;
  at("show-samples").hidden = !messages.size;
}

function show(messageId) {
  const original = at(`m${messageId}`);
  if (!original) return;
  original.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  original.classList.remove("found");
  requestAnimationFrame(() => original.classList.add("found"));
  original.tabIndex = -1;
  original.focus({ preventScroll: true });
}

export function startTyping() {
  stopTyping();
  const dots = element("span", { className: "dots", ariaHidden: "true" }, element("i"), element("i"), element("i"));
  list.append(element("div", { id: "typing", className: "message" }, element("div", { className: "bubble" }, dots, "typing…")));
  typingTimer = setTimeout(stopTyping, TYPING_MS);
  follow();
}

function stopTyping() {
  clearTimeout(typingTimer);
  typingTimer = 0;
  at("typing")?.remove();
}

// ---- staying at the end ----

function follow() {
  if (following) list.scrollTop = list.scrollHeight;
  at("jump").hidden = following;
}

/** Connect the conversation to the rest of the page. */
export function setUpMessages(given) {
  handlers = given;
  list.addEventListener("scroll", () => {
    following = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END_PX;
    at("jump").hidden = following;
  });
  at("jump").addEventListener("click", () => { following = true; follow(); });
  // Late pictures and a growing message box move the end away. "load" does not bubble: the list captures it.
  list.addEventListener("load", follow, true);
  list.addEventListener("fold", follow);
  new ResizeObserver(follow).observe(list);
}
