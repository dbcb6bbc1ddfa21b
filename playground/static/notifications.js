// Notifications of what the bot says in a chat that is not shown: a banner in the page, and the browser's own
// while the page is hidden, if the user wants them.

import { isGroup, page } from "./api.js";
import { at, toast } from "./dom.js";
import { plainText } from "./text.js";

const SHOWN_MS = 6000;
const LINES = 2;
const OFF = "notifications-off"; // in localStorage
const BLOCKED = "The browser keeps this page from sending notifications. You can allow them in the browser’s settings for this page.";

const banner = at("banner");
const bell = at("bell");
const sent = new Map(); // by chat: the browser's notification
let about = 0; // the chat of the banner
let timer = 0;
let openChat = () => {};

/** The bot's name; for another person than the first one also theirs, as in Telegram's apps with several accounts. */
function titleOf(chat) {
  if (isGroup(chat)) return chat.title;
  const bot = page.bot.first_name;
  return chat.title === "You" ? bot : `${bot} → ${chat.title}`;
}

function bodyOf(chat, message) {
  const words = plainText(message).split("\n").filter((line) => line.trim()).slice(0, LINES).join("\n");
  return isGroup(chat) ? `${message.from.first_name}: ${words}` : words;
}

function hide() {
  banner.hidden = true;
  about = 0;
}

function hideLater() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (document.visibilityState === "hidden" || banner.matches(":hover, :focus-within")) hideLater();
    else hide();
  }, SHOWN_MS);
}

function show(chat) {
  dismiss(chat.id);
  openChat(chat.id);
}

/** Notify the user of a message that the page does not show. */
export function notify(chat, message) {
  const [title, body] = [titleOf(chat), bodyOf(chat, message)];
  const [name, words] = banner.querySelectorAll("b, span");
  name.textContent = title;
  words.textContent = body;
  banner.hidden = false;
  about = chat.id;
  hideLater();
  if (document.visibilityState === "visible" || !isOn()) return;
  const made = new Notification(title, { body, tag: `chat${chat.id}` }); // replaces the chat's former one
  made.addEventListener("click", () => { focus(); show(chat); });
  sent.set(chat.id, made);
}

/** Take back the notifications of a chat, because the page shows it. */
export function dismiss(chatId) {
  if (chatId === about) hide();
  sent.get(chatId)?.close();
  sent.delete(chatId);
}

// ---- the bell ----

const isOn = () => "Notification" in window && Notification.permission === "granted" && !localStorage.getItem(OFF);

function drawBell() {
  bell.ariaPressed = String(isOn());
  bell.title = isOn() ? "Browser notifications are on" : "Browser notifications are off";
}

async function toggle() {
  if (isOn()) {
    localStorage.setItem(OFF, "1");
  } else {
    localStorage.removeItem(OFF);
    if (await Notification.requestPermission() === "denied") toast(BLOCKED); // no question if it is answered already
  }
  drawBell();
}

/** Connect the notifications to the rest of the page. */
export function setUpNotifications(open) {
  openChat = open;
  const [opener, closer] = banner.querySelectorAll("button");
  opener.addEventListener("click", () => show(page.chats.get(about)));
  closer.addEventListener("click", hide);
  banner.addEventListener("keydown", ({ key }) => { if (key === "Escape") hide(); });
  bell.hidden = !("Notification" in window);
  bell.addEventListener("click", toggle);
  drawBell();
}
