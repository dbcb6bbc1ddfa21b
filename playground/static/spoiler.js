// Spoilers: text and pictures that stay hidden until somebody taps them. What was shown stays so until the page is
// left, even if its message changes.

import { page } from "./api.js";
import { element } from "./dom.js";

const shown = new Set(); // of “chat message”

const keyOf = (message) => `${page.chatId} ${message.message_id}`;

/** Make an element look hidden, and a button that calls `reveal` at the first click, Enter or space. */
function hide(made, label, reveal) {
  Object.assign(made, { tabIndex: 0, role: "button", ariaLabel: label });
  made.classList.add("spoiler");
  const act = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    reveal();
  };
  const until = new AbortController();
  for (const type of ["click", "keydown"]) made.addEventListener(type, act, { capture: true, signal: until.signal });
  made.addEventListener("reveal", () => {
    until.abort();
    made.classList.add("shown");
    for (const name of ["role", "aria-label"]) made.removeAttribute(name);
    made.tabIndex = made.tagName === "A" ? 0 : -1; // the focus stays where it is
  }, { once: true });
}

function reveal(bubble, message, selector) {
  shown.add(keyOf(message));
  for (const hidden of bubble.querySelectorAll(selector)) hidden.dispatchEvent(new Event("reveal"));
}

/** Hide the marked parts of a message's text in its bubble. They appear together. */
export function hideText(bubble, message) {
  const parts = bubble.querySelectorAll(".text .spoiler");
  for (const part of parts) hide(part, "Hidden text: show", () => reveal(bubble, message, ".text .spoiler"));
  if (shown.has(keyOf(message))) reveal(bubble, message, ".text .spoiler");
}

/** Hide a picture, if its message wants that. */
export function hidePicture(picture, message) {
  if (!message.has_media_spoiler || shown.has(keyOf(message))) return;
  picture.append(element("span", { className: "veil", ariaHidden: "true" }, element("span", { textContent: "Show" })));
  const show = () => { shown.add(keyOf(message)); picture.dispatchEvent(new Event("reveal")); };
  hide(picture, "Hidden picture: show", show);
}
