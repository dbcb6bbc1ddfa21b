// The conversation that is shown. An album's messages share one bubble. Each has its own element in it,
// so that an answer can lead back to the picture that it is about.

import { isGroup, page } from "./api.js";
import { announce, at, dayName, dayOf, element, time } from "./dom.js";
import { changeComing, drawComing, endComing } from "./drafts.js";
import { keyboard } from "./keyboard.js";
import { content, fileUrl } from "./media.js";
import { hideText } from "./spoiler.js";
import { formatted, inOneLine } from "./text.js";

const NEAR_END_PX = 120;

const list = at("messages");
let messages = new Map(); // by id, oldest first
let loaded = false;
let handlers = {}; // onCommand(text), onReply(message), onPicture(link)
let following = true; // the view is at the end, and stays there as the conversation grows

const isMine = (message) => !message.from?.is_bot;
const author = (message) => message.from?.first_name ?? message.chat?.title ?? "";
const blockOf = (message) => (message.media_group_id ? `g${message.media_group_id}` : `m${message.message_id}`);

// ---- one bubble ----

function quote(original) {
  const made = element(
    "button",
    { type: "button", className: "quote", title: "Go to this message", onclick: () => show(original.message_id) },
    element("span", {}, element("b", { textContent: author(original) }), element("span", { textContent: inOneLine(original, 120) })),
  );
  if (original.photo) {
    const image = element("img", { src: fileUrl(original.photo[0]), alt: "", className: original.has_media_spoiler ? "blurred" : "" });
    made.prepend(element("span", { className: "thumb" }, image));
  }
  return made;
}

function album(block) {
  const tiles = block.map((message) => element("div", { id: `m${message.message_id}` }, content(message, handlers.onPicture)));
  return element("div", { className: block[0].photo ? "album" : "files" }, ...tiles);
}

function reactions(block) {
  const given = block.flatMap((message) => message.reactions ?? []);
  if (!given.length) return "";
  const shown = given.map((emoji) => element("span", { textContent: emoji }));
  return element("div", { className: "reactions" }, element("span", { className: "hidden", textContent: "Reaction: " }), ...shown);
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
  const named = isGroup() && author(first) !== "You";
  bubble.append(element("span", { className: named ? "author" : "hidden", textContent: named ? author(first) : `${author(first)}: ` }));
  if (first.reply_to_message) bubble.append(quote(first.reply_to_message));
  bubble.append((block.length > 1 ? album(block) : content(first, handlers.onPicture)) ?? "");
  const worded = block.find((message) => message.text ?? message.caption);
  if (worded) {
    bubble.append(formatted(worded.text ?? worded.caption, worded.entities ?? worded.caption_entities, handlers.onCommand));
    hideText(bubble, worded);
  } else if (first.photo) bubble.classList.add("wordless");
  bubble.append(time(first.date, first.from?.is_bot && first.edit_date));
  const made = element("article", { id: block.length > 1 ? blockOf(first) : `m${first.message_id}`, className: isMine(first) ? "message mine" : "message" });
  made.dataset.block = blockOf(first);
  made.dataset.day = dayOf(first.date);
  made.append(bubble, replyButton(first), reactions(block), keyboard(block.at(-1)));
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

/** Put a block's new element in the place of the old one. What had the focus in it keeps it, or passes it on. */
function exchange(old, made) {
  const focused = document.activeElement;
  const inKeyboard = (one) => Boolean(one.closest(".keyboard"));
  const places = (block) => [...block.querySelectorAll("a, button, [tabindex]")].filter((one) => inKeyboard(one) === inKeyboard(focused));
  const place = old.contains(focused) && places(old).indexOf(focused);
  old.replaceWith(made);
  if (place === false) return;
  made.tabIndex = -1;
  (places(made)[place] ?? made).focus({ preventScroll: true });
}

function render(name) {
  const old = findBlock(name);
  const made = article(blockMessages(name));
  if (old) exchange(old, made);
  else list.append(made);
}

/** Show a chat's history instead of what was shown. The same history again changes nothing. */
export function showHistory(history, { sameChat = false } = {}) {
  if (sameChat && loaded && JSON.stringify(history) === JSON.stringify([...messages.values()])) return;
  loaded = true;
  messages = new Map(history.map((message) => [message.message_id, message]));
  const blocks = Map.groupBy(history, blockOf);
  list.replaceChildren(...[...blocks.values()].map(article));
  changeComing();
  changed();
  if (!sameChat) following = true;
  follow();
}

/** Show a new message, or a changed one. */
export function put(message) {
  const former = messages.get(message.message_id);
  messages.set(message.message_id, message);
  if (!former && isMine(message)) following = true;
  else if (!former) endComing(page.chatId);
  const reacted = former && message.reactions?.join(" ");
  if (reacted && reacted !== former.reactions?.join(" ")) announce(`${page.bot.first_name} reacted with ${reacted}`);
  render(blockOf(message));
  drawComing();
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
  for (const growth of ["fold", "grow"]) list.addEventListener(growth, follow);
  new ResizeObserver(follow).observe(list);
}
