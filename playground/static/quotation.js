// Expandable quotations. One of more than three lines is folded until somebody unfolds it, as in Telegram's apps.

import { at, element } from "./dom.js";

const sizes = new ResizeObserver((entries) => { for (const { target } of entries) measure(target); });

function measure(words) {
  const { classList } = words.parentElement;
  if (!classList.contains("unfolded")) classList.toggle("long", words.scrollHeight > words.clientHeight + 1);
}

function fold(quotation, unfolded) {
  if (!quotation.classList.contains("long")) return;
  quotation.classList.toggle("unfolded", unfolded);
  const title = unfolded ? "Show three lines" : "Show all lines";
  Object.assign(quotation.lastElementChild, { title, ariaExpanded: String(unfolded) });
  quotation.dispatchEvent(new Event("fold", { bubbles: true }));
}

function arrow(quotation) {
  const made = element("button", { type: "button", className: "fold", title: "Show all lines", ariaLabel: "All lines of the quotation", ariaExpanded: "false" });
  made.append(at("fold-icon").content.cloneNode(true));
  made.addEventListener("click", (event) => {
    event.stopPropagation();
    fold(quotation, made.ariaExpanded === "false");
  });
  return made;
}

/** An empty quotation. Its text goes into its first child. */
export function foldable() {
  const words = element("div", { className: "quoted" });
  const made = element("blockquote", { className: "foldable" }, words);
  made.append(arrow(made));
  made.addEventListener("click", ({ target }) => {
    if (getSelection().isCollapsed && !target.closest("a, button, [role=button]")) fold(made, true);
  });
  words.addEventListener("focusin", () => fold(made, true)); // a link in a folded line
  sizes.observe(words);
  return made;
}
