// The chat page: it receives server-sent events, and hands them to the parts of the page.

import * as api from "./api.js";
import { drawChats, setUpChats, showList } from "./chats.js";
import { changeChat, complain, replyTo, sendCommand, setUpComposer } from "./composer.js";
import { announce, at, element } from "./dom.js";
import { endComing, matchDraft, showDraft, startTyping } from "./drafts.js";
import { drawGroup, groupState, setUpGroup } from "./group.js";
import { answered, setUpKeyboard } from "./keyboard.js";
import { lastId, put, setUpMessages, showHistory } from "./messages.js";
import { dismiss, notify, setUpNotifications } from "./notifications.js";
import { offerSamples } from "./samples.js";
import { setState, waitForAnswer, waitLonger } from "./status.js";
import { inOneLine } from "./text.js";

const { page } = api;
const RECONNECT_MS = 2000;
let loading = null; // events that come while a history loads: they are shown after it

function markRead() {
  const chat = api.currentChat();
  if (!chat || !api.isShown(chat.id)) return;
  dismiss(chat.id);
  if (!chat.unread) return;
  chat.unread = 0;
  api.markRead(chat.id, lastId()).catch(() => {}); // the next message tries again
}

function drawTitle() {
  const chat = api.currentChat();
  const bot = page.bot.first_name;
  const isFirst = !chat || chat.title === "You";
  at("name").textContent = api.isGroup(chat) ? chat.title : bot;
  at("name").append(isFirst || api.isGroup(chat) ? "" : element("small", { textContent: `you are ${chat.title}` }));
  at("empty").querySelector(".hint").textContent = api.isGroup(chat)
    ? groupState().hint()
    : `Send a photo, or paste the link of an image. ${bot} tells you what it shows.`;
  at("show-menu").hidden = !api.commands().length;
  drawGroup();
  drawChats();
}

async function load({ sameChat = false } = {}) {
  const { chatId } = page;
  const late = loading = [];
  try {
    const { messages, draft } = await api.history(chatId);
    if (loading !== late) return; // another chat was opened meanwhile
    matchDraft(chatId, draft);
    showHistory(messages, { sameChat });
  } catch (error) {
    complain(error.message);
  }
  if (loading !== late) return;
  loading = null;
  late.forEach((act) => act());
  markRead();
}

function inOrder(act) {
  if (loading) loading.push(act);
  else act();
}

function open(chatId, { remember = true } = {}) {
  showList(false);
  if (chatId !== page.chatId) {
    changeChat(page.chatId, chatId);
    page.chatId = chatId;
    if (remember) history.pushState(null, "", `?chat=${chatId}`);
    load();
  }
  drawTitle();
  at("text").focus();
}

async function create(group) {
  try {
    const chat = await api.newChat(group);
    page.chats.set(chat.id, chat);
    open(chat.id);
  } catch (error) {
    complain(error.message);
  }
}

// ---- events ----

const events = {
  hello({ bot, chats }) {
    page.bot = bot;
    page.chats = new Map(chats.map((chat) => [chat.id, chat]));
    if (!page.chats.has(page.chatId)) page.chatId = chats[0].id;
    setState(bot);
    drawTitle();
    load({ sameChat: true });
  },
  message({ chat_id: chatId, message, unread }) {
    const chat = page.chats.get(chatId);
    if (!chat) return; // its own event is on the way
    const isNew = !(chat.last?.message_id >= message.message_id);
    if (!(chat.last?.message_id > message.message_id)) Object.assign(chat, { last: message, unread });
    if (chatId === page.chatId) inOrder(() => { put(message); markRead(); });
    else if (isNew && message.from?.is_bot) endComing(chatId);
    if (isNew && message.from?.is_bot) announce(`${message.from.first_name}: ${inOneLine(message)}`);
    if (isNew || message.reactions?.length) waitForAnswer(chat, message);
    drawChats();
    if (isNew && message.from?.is_bot && !api.isShown(chatId)) notify(chat, message);
  },
  action({ chat_id: chatId }) {
    if (chatId === page.chatId) inOrder(startTyping);
  },
  draft({ chat_id: chatId, ...draft }) {
    const chat = page.chats.get(chatId);
    if (chat) waitLonger(chat);
    if (chatId === page.chatId) inOrder(() => showDraft(chatId, draft));
    else showDraft(chatId, draft);
  },
  callback: answered,
  chat({ chat }) {
    page.chats.set(chat.id, chat);
    drawTitle();
  },
  commands({ commands }) {
    page.bot.commands = commands;
    drawTitle();
  },
  bot({ privacy = page.bot.privacy, ...status }) {
    page.bot.privacy = privacy;
    setState(status);
    drawTitle();
  },
};

function listen() {
  const stream = new EventSource("/api/events");
  stream.onerror = () => {
    setState({ state: "unreachable" });
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, RECONNECT_MS);
  };
  // "hello" comes first on each connection: messages from before it are only in the history.
  for (const [name, act] of Object.entries(events)) {
    stream.addEventListener(name, (event) => act(JSON.parse(event.data)));
  }
}

// ---- the parts of the page ----

function showPicture(url, alt) {
  at("viewer").querySelector("img")?.remove();
  at("viewer").append(element("img", { src: url, alt }));
  at("viewer").showModal();
}

page.chatId = Number(new URLSearchParams(location.search).get("chat")) || page.chatId;
setUpMessages({ onCommand: sendCommand, onReply: replyTo, onPicture: showPicture });
setUpKeyboard(complain);
setUpGroup(complain);
setUpChats({ open, create });
setUpComposer();
setUpNotifications(open);
offerSamples(complain);
at("viewer").addEventListener("click", ({ target }) => { if (target === at("viewer")) at("viewer").close(); });
addEventListener("popstate", () => open(Number(new URLSearchParams(location.search).get("chat")) || 1001, { remember: false }));
document.addEventListener("visibilitychange", () => { markRead(); drawChats(); });
listen();
