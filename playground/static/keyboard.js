// The buttons below a message of the bot. A pressed one waits for the bot's answer, and is not sent again meanwhile.

import * as api from "./api.js";
import { at, element, toast } from "./dom.js";
import { link } from "./text.js";

const WAIT_MS = 15_000; // a bot cannot answer a press later
const EARLY = 20; // answers that are remembered until the page knows whose they are

const waiting = new Map(); // by button: the timer that ends its wait
const asked = new Map(); // by query: its button
const early = new Map(); // by query: an answer that came before the answer to the press itself
let complain = () => {};

const keyOf = (chatId, messageId, data) => JSON.stringify([chatId, messageId, data]);

function draw(made) {
  const waits = waiting.has(made.dataset.key);
  made.ariaBusy = made.ariaDisabled = waits ? "true" : null;
}

function drawAll(key) {
  for (const made of document.querySelectorAll(".keyboard button")) if (made.dataset.key === key) draw(made);
}

function wait(key) {
  const nobody = () => {
    endWait(key);
    toast(`${api.page.bot.first_name} has not answered this button.`);
  };
  waiting.set(key, setTimeout(nobody, WAIT_MS));
  drawAll(key);
}

function endWait(key) {
  clearTimeout(waiting.get(key));
  waiting.delete(key);
  for (const [query, button] of asked) if (button === key) asked.delete(query);
  drawAll(key);
}

async function press(key, messageId, data) {
  if (waiting.has(key)) return;
  wait(key);
  try {
    const { heard, query_id: query } = await api.press(messageId, data);
    if (heard) asked.set(query, key);
    else toast(`${api.page.bot.first_name} does not listen to buttons.`);
    if (!heard) endWait(key);
    else if (early.has(query)) show(early.get(query));
  } catch (error) {
    endWait(key);
    complain(error.message);
  }
}

function show({ chat_id: chatId, query_id: query, text, show_alert: isAlert }) {
  endWait(asked.get(query));
  if (!text || chatId !== api.page.chatId) return;
  if (!isAlert) {
    toast(text);
    return;
  }
  at("alert").querySelector("p").textContent = text;
  if (!at("alert").open) at("alert").showModal();
}

/** The bot has answered a press: {chat_id, query_id, text, show_alert}. Only the page that pressed shows it. */
export function answered(answer) {
  if (asked.has(answer.query_id)) {
    show(answer);
    return;
  }
  early.set(answer.query_id, answer);
  if (early.size > EARLY) early.delete(early.keys().next().value);
}

async function copy(text) {
  await navigator.clipboard?.writeText(text);
  toast("Copied.");
}

function button(message, { text, callback_data: data, copy_text: copied, url }) {
  const away = url && link(url);
  if (away) return Object.assign(away, { textContent: text });
  const made = element("button", { type: "button", textContent: text });
  if (data) {
    const key = made.dataset.key = keyOf(api.page.chatId, message.message_id, data);
    made.onclick = () => press(key, message.message_id, data);
    draw(made);
  } else {
    made.onclick = () => (copied ? copy(copied.text) : toast("This button works in Telegram only."));
  }
  return made;
}

/** A message's buttons, row by row; "" without buttons. */
export function keyboard(message) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return "";
  const made = rows.map((row) => element("div", {}, ...row.map((one) => button(message, one))));
  return element("div", { className: "keyboard", role: "group", ariaLabel: "Buttons of this message" }, ...made);
}

/** Connect the buttons to the rest of the page. */
export function setUpKeyboard(onError) {
  complain = onError;
}
