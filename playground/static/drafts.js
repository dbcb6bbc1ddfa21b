// What the bot is about to say, at the end of the conversation: the draft of a message, or “typing…”.

import { page } from "./api.js";
import { announce, at, element } from "./dom.js";
import { formatted, inOneLine } from "./text.js";

const TYPING_MS = 5000; // how long Telegram shows a chat action: https://core.telegram.org/bots/api#sendchataction
const DRAFT_MS = 30_000; // and a draft: https://core.telegram.org/bots/api#sendmessagedraft
const THINKING = "Thinking…"; // an empty draft

const list = at("messages");
const drafts = new Map(); // by chat: {draft, timer}
let typingTimer = 0;

function bubble(id, words, text = "") {
  const dots = element("span", { className: "dots", ariaHidden: "true" }, element("i"), element("i"), element("i"));
  return element("div", { id, className: "message coming" }, element("div", { className: "bubble" }, dots, words, text));
}

/** Draw it again, behind the newest message. */
export function drawComing() {
  at("draft")?.remove();
  at("typing")?.remove();
  const draft = drafts.get(page.chatId)?.draft;
  if (draft?.text) list.append(bubble("draft", element("span", { className: "hidden", textContent: "Draft: " }), formatted(draft.text, draft.entities)));
  else if (draft) list.append(bubble("draft", THINKING));
  else if (typingTimer) list.append(bubble("typing", "typing…"));
  list.dispatchEvent(new Event("grow"));
}

export function startTyping() {
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => { stopTyping(); drawComing(); }, TYPING_MS);
  drawComing();
}

function stopTyping() {
  clearTimeout(typingTimer);
  typingTimer = 0;
}

function forget(chatId) {
  clearTimeout(drafts.get(chatId)?.timer);
  drafts.delete(chatId);
}

/** Show a draft {draft_id, text, entities} instead of the chat's former one, for 30 seconds. */
export function showDraft(chatId, draft) {
  const former = drafts.get(chatId)?.draft;
  forget(chatId);
  const timer = setTimeout(() => { forget(chatId); drawComing(); }, DRAFT_MS);
  drafts.set(chatId, { draft, timer });
  if (chatId !== page.chatId) return;
  // A screen reader says a draft once, and not each time that it grows.
  if (former?.draft_id !== draft.draft_id) announce(`${page.bot.first_name} is writing: ${draft.text ? inOneLine(draft) : THINKING}`);
  stopTyping();
  drawComing();
}

/** Show the draft that the server knows, or no draft. */
export function matchDraft(chatId, draft) {
  if (draft && drafts.get(chatId)?.draft.text !== draft.text) showDraft(chatId, draft);
  if (!draft && drafts.has(chatId)) {
    forget(chatId);
    drawComing();
  }
}

/** The bot has said something in a chat. */
export function endComing(chatId) {
  forget(chatId);
  if (chatId === page.chatId) stopTyping();
}

/** Another chat is shown: “typing…” was about the former one. */
export function changeComing() {
  stopTyping();
  drawComing();
}
