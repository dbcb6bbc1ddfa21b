// The state of the bot, and what to do if it does not answer.

import { page } from "./api.js";
import { at, element } from "./dom.js";

const ANSWER_LIMIT_MS = 20_000;
const SHORT = {
  online: "online", starting: "starting…", preparing: "getting ready…", down: "not running", unreachable: "not reachable",
};

const late = new Map(); // by chat: the timer of a message that waits for its answer
let current = "";

const command = (text) => element("code", { textContent: text });

function explanation({ state, progress }) {
  const name = page.bot.first_name;
  if (state === "starting") return [`${name} is starting. You can write already; it answers as soon as it is ready.`];
  if (state === "down") return [`${name} is not running. What you send waits until it is back. To start it: `, command("supervisorctl start all")];
  if (state === "unreachable") return ["The connection is lost. This page comes back by itself. If it does not, start the bot: ", command("make run")];
  if (state !== "preparing") return [];
  if (!progress?.step) return [`${name} has no model yet, so pictures wait. To prepare one: `, command("make model")];
  const { step, of, text, fraction } = progress;
  const percent = fraction === undefined ? "" : ` (${Math.floor(fraction * 100)} %)`;
  return [`${name} is preparing its model; pictures wait until it is ready. Step ${step} of ${of}: ${text}${percent}`];
}

function showNotice(words, progress) {
  at("notice").hidden = !words.length;
  const [line, bar] = at("notice").children;
  if (line.textContent !== words.map((part) => part.textContent ?? part).join("")) line.replaceChildren(...words);
  bar.hidden = !progress?.step;
  if (!progress?.step) return;
  bar.max = progress.of;
  bar.value = progress.step - 1 + (progress.fraction ?? 0);
}

/** Show the state of the bot: {state, progress}. */
export function setState(status) {
  current = status.state;
  at("state").className = current;
  if (at("state").textContent !== SHORT[current]) at("state").textContent = SHORT[current];
  showNotice(explanation(status), current === "preparing" ? status.progress : null);
}

function stillNothing() {
  if (current !== "online") return;
  showNotice(["Still no answer. This shows whether every part of the bot is running: ", command("supervisorctl status")]);
}

function wait(chat) {
  late.set(chat.id, setTimeout(stillNothing, ANSWER_LIMIT_MS));
}

function stopWait(chat) {
  clearTimeout(late.get(chat.id));
  return late.delete(chat.id);
}

/** Begin or end the wait for an answer, which may be a reaction. In a group the bot need not answer. */
export function waitForAnswer(chat, message) {
  const isAnswer = message.from?.is_bot || message.reactions?.length;
  stopWait(chat);
  if (isAnswer && current === "online") showNotice([]);
  if (!isAnswer && chat.type === "private") wait(chat);
}

/** The bot is at work for a chat that waits: the wait begins again. */
export function waitLonger(chat) {
  if (stopWait(chat)) wait(chat);
}
