// The message box, and how files come into it: picked, pasted, or dropped.

import { isGroup, isPhoto, mention, send, page } from "./api.js";
import { at, element } from "./dom.js";
import * as menu from "./menu.js";
import { inOneLine } from "./text.js";

const input = at("text");
const drafts = new Map(); // by chat: {text, attached, replying}
const OPTIONS = ["as-files", "as-spoiler"];
let attached = []; // [{file, url}]
let replying = null; // the message that this one replies to
let sending = false;

export function complain(words, cure = "") {
  at("problem").replaceChildren(words, cure);
  at("problem").hidden = !words;
}

/** Send something, and show why if that does not work. */
async function deliver(text, files = [], options = {}) {
  complain("");
  try {
    await send(text, files, options);
    return true;
  } catch (error) {
    const cure = error.asFile && element("button", {
      type: "button", textContent: files.length > 1 ? "Send as files" : "Send as file", onclick: () => sendAll(true),
    });
    complain(error.message, cure);
    return false;
  }
}

/** Send a command: as a reply if one is begun, and as the caption of what is attached. */
export function sendCommand(name) {
  const addressed = isGroup() && !name.includes("@") ? `${name}${mention()}` : name;
  const command = addressed.startsWith("/") ? addressed : `/${addressed}`;
  if (attached.length) {
    input.value = command;
    return sendAll();
  }
  const replyTo = replying?.message_id;
  clear();
  input.focus();
  return deliver(command, [], { replyTo });
}

async function sendAll(asFiles = checked("as-files")) {
  const text = input.value;
  if (sending || (!text.trim() && !attached.length)) return;
  sending = true;
  at("send").disabled = true;
  const { chatId } = page;
  const options = { asFiles, spoiler: checked("as-spoiler"), replyTo: replying?.message_id };
  const sent = await deliver(text, attached.map(({ file }) => file), options);
  sending = false;
  at("send").disabled = false;
  if (!sent) return;
  for (const { url } of attached) URL.revokeObjectURL(url);
  if (page.chatId === chatId) clear(input.value.startsWith(text) ? input.value.slice(text.length) : input.value);
  else drafts.delete(chatId);
  input.focus();
}

/** Empty the message box, but for what was written while the former message was on its way. */
function clear(text = "") {
  restore({ text, attached: [], replying: null });
}

function restore(draft) {
  input.value = draft.text;
  ({ attached, replying } = draft);
  grow();
  drawAttached();
  drawReplying();
  menu.close();
}

/** Keep one chat's draft and show another's. */
export function changeChat(from, to) {
  drafts.set(from, { text: input.value, attached, replying });
  restore(drafts.get(to) ?? { text: "", attached: [], replying: null });
}

export function replyTo(message) {
  replying = message;
  drawReplying();
  input.focus();
}

function drawReplying() {
  at("replying").hidden = !replying;
  if (!replying) return;
  at("replying").querySelector("b").textContent = `Reply to ${replying.from?.first_name ?? ""}`;
  at("replying").querySelector("span").textContent = inOneLine(replying, 100);
}

function attach(files) {
  attached.push(...[...files].map((file) => ({ file, url: URL.createObjectURL(file) })));
  drawAttached();
  input.focus();
}

const checked = (option) => at(option).firstElementChild.checked;
const isImage = ({ file }) => file.type.startsWith("image/");

function drawOptions() {
  at("as-spoiler").hidden = checked("as-files") || !attached.some(({ file }) => isPhoto(file));
}

function drawAttached() {
  complain(""); // the complaint was about the former attachments
  at("attached").hidden = !attached.length;
  at("as-files").hidden = !attached.some(isImage);
  if (!attached.length) for (const one of OPTIONS) at(one).firstElementChild.checked = false;
  drawOptions();
  input.placeholder = attached.length ? "Caption" : "Message";
  at("attached").firstElementChild.replaceChildren(...attached.map((one, index) => {
    const { file: { name }, url } = one;
    const remove = () => {
      attached.splice(index, 1);
      URL.revokeObjectURL(url);
      drawAttached();
      input.focus();
    };
    const shown = element("span", { className: "name", textContent: name });
    const image = isImage(one) && element("img", { src: url, alt: name });
    if (image) image.addEventListener("error", () => image.replaceWith(shown));
    return element("li", {}, image || shown,
      element("button", { type: "button", textContent: "×", title: "Remove", ariaLabel: `Remove ${name}`, onclick: remove }));
  }));
}

function grow() {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`;
  at("composer").classList.toggle("writing", Boolean(input.value));
}

function handleKey(event) {
  if (menu.handleKey(event)) return;
  if (event.key === "Escape" && replying) {
    replying = null;
    drawReplying();
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    sendAll();
  }
}

function setUpFiles() {
  at("files").addEventListener("change", ({ target }) => { attach(target.files); target.value = ""; });
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    attach(event.clipboardData.files);
  });
  const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    at("drop").hidden = false;
  });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) at("drop").hidden = true; });
  addEventListener("drop", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    at("drop").hidden = true;
    attach(event.dataTransfer.files);
  });
}

/** Connect the composer to the rest of the page. */
export function setUpComposer() {
  menu.setUpMenu(sendCommand);
  at("as-files").addEventListener("change", drawOptions);
  setUpFiles();
  input.addEventListener("input", () => { grow(); menu.suggest(); });
  input.addEventListener("keydown", handleKey);
  at("composer").addEventListener("submit", (event) => { event.preventDefault(); sendAll(); });
  at("replying").querySelector("button").addEventListener("click", () => {
    replying = null;
    drawReplying();
    input.focus();
  });
  // Typing goes into the message box, even when the focus is elsewhere.
  document.addEventListener("keydown", (event) => {
    const typed = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (typed && !at("viewer").open && !document.querySelector("main").inert) input.focus();
  });
}
