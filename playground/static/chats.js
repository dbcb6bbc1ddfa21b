// The list of chats: several people who write to the bot, and groups.

import { isShown, page } from "./api.js";
import { at, element, time } from "./dom.js";
import { inOneLine } from "./text.js";

const COLOURS = 4;
const LONGEST_PREVIEW = 200; // more than any line shows

function preview(chat) {
  const { last } = chat;
  if (!last) return chat.type === "private" ? "Nothing said yet" : `A group ${chat.member === false ? "without" : "with"} ${page.bot.first_name}`;
  const words = inOneLine(last, LONGEST_PREVIEW);
  if (chat.type !== "private") return `${last.from?.first_name ?? "You"}: ${words}`;
  return last.from?.is_bot ? words : `You: ${words}`;
}

function unread(count) {
  return element("span", { className: "unread" }, element("span", { ariaHidden: "true", textContent: count }), element("span", { className: "hidden", textContent: ` ${count} unread` }));
}

function entry(chat, open) {
  const colour = chat.type === "private" ? chat.id % COLOURS : COLOURS;
  const avatar = element("span", { className: `avatar c${colour}`, ariaHidden: "true", textContent: [...chat.title][0] });
  const title = element("span", { className: "row" }, element("b", { textContent: chat.title }));
  const said = element("span", { className: "row" }, element("span", { className: "said", textContent: preview(chat) }));
  if (chat.last) title.append(time(chat.last.date));
  if (chat.unread) said.append(unread(chat.unread));
  const made = element("a", { href: `?chat=${chat.id}` }, avatar, element("span", { className: "words" }, title, said));
  if (chat.id === page.chatId) made.ariaCurrent = "page";
  made.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(chat.id);
  });
  return element("li", {}, made);
}

let openChat = () => {};

const byNewest = (a, b) => (b.last?.date ?? 0) - (a.last?.date ?? 0);

/** Draw the list again, the newest message first; the chat that had the focus keeps it. */
export function drawChats() {
  const focused = document.activeElement?.closest?.("#chat-list a")?.search;
  at("chat-list").replaceChildren(...[...page.chats.values()].sort(byNewest).map((chat) => entry(chat, openChat)));
  if (focused) at("chat-list").querySelector(`[href="${focused}"]`)?.focus();
  const count = [...page.chats.values()].reduce((sum, chat) => sum + (isShown(chat.id) ? 0 : chat.unread), 0);
  at("unread-elsewhere").hidden = !count;
  at("open-chats").ariaLabel = count ? `Chats, ${count} unread` : "Chats";
  document.title = count ? `(${count}) ${page.bot.first_name}` : page.bot.first_name;
}

/** On a narrow screen the list covers the conversation. */
export function showList(shown) {
  document.body.classList.toggle("show-chats", shown);
  at("open-chats").ariaExpanded = String(shown);
  document.querySelector("main").inert = shown && getComputedStyle(at("close-chats")).display !== "none";
}

/** Connect the list to the rest of the page. */
export function setUpChats({ open, create }) {
  openChat = open;
  at("new-chat").addEventListener("click", () => create(false));
  at("new-group").addEventListener("click", () => create(true));
  at("open-chats").addEventListener("click", () => {
    showList(true);
    (at("chat-list").querySelector("[aria-current]") ?? at("close-chats")).focus();
  });
  const close = () => { showList(false); at("open-chats").focus(); };
  at("close-chats").addEventListener("click", close);
  at("chats").addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && document.body.classList.contains("show-chats")) close();
  });
  matchMedia("(min-width: 761px)").addEventListener("change", () => showList(false));
}
