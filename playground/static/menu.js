// Suggestions above the message box: "/" offers the bot's commands, and in groups "@" its name.

import { commands, isGroup, mention } from "./api.js";
import { at, element } from "./dom.js";
import { groupState } from "./group.js";

const menu = at("menu");
const input = at("text");
let options = []; // {name, words, pick}
let chosen = 0;
let pickCommand = () => {};

function insertMention() {
  input.setRangeText(`${mention()} `, input.value.lastIndexOf("@", input.selectionStart), input.selectionStart, "end");
  input.dispatchEvent(new Event("input"));
}

function suggested() {
  const before = input.value.slice(0, input.selectionStart);
  const started = before.match(/^\/(\w*)$/)?.[1].toLowerCase();
  if (started !== undefined) {
    return commands()
      .filter(({ command }) => command.startsWith(started))
      .map(({ command, description }) => ({ name: `/${command}`, words: description, pick: () => pickCommand(command) }));
  }
  const name = before.match(/(?:^|\s)(@\w*)$/)?.[1].toLowerCase();
  if (name === undefined || !isGroup() || !mention().toLowerCase().startsWith(name)) return [];
  return [{ name: mention(), words: groupState().mention, pick: insertMention }];
}

function draw() {
  menu.hidden = !options.length;
  menu.replaceChildren(...options.map(({ name, words, pick }, index) => {
    const made = element("li", { id: `option${index}`, role: "option", ariaSelected: String(index === chosen) },
      element("b", { textContent: name }), element("span", { textContent: words }));
    made.addEventListener("mousedown", (event) => event.preventDefault()); // the message box keeps the focus
    made.addEventListener("click", () => { close(); pick(); });
    return made;
  }));
  if (options.length) {
    input.setAttribute("aria-controls", "menu");
    input.setAttribute("aria-activedescendant", `option${chosen}`);
    menu.children[chosen].scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
    input.removeAttribute("aria-controls");
  }
}

export function close() {
  options = [];
  draw();
}

/** Suggest what the text so far may become. */
export function suggest() {
  options = suggested();
  chosen = 0;
  draw();
}

/** Whether a key was meant for the menu. */
export function handleKey(event) {
  if (menu.hidden) return false;
  const { key } = event;
  if (key === "ArrowDown" || key === "ArrowUp") {
    chosen = (chosen + (key === "ArrowDown" ? 1 : options.length - 1)) % options.length;
    draw();
  } else if ((key === "Enter" && !event.shiftKey) || key === "Tab") {
    const { pick } = options[chosen];
    close();
    pick();
  } else if (key === "Escape") {
    close();
  } else {
    return false;
  }
  event.preventDefault();
  return true;
}

/** Connect the menu to the rest of the page. */
export function setUpMenu(onCommand) {
  pickCommand = onCommand;
  at("show-menu").addEventListener("click", () => {
    input.value = "/";
    input.focus();
    input.dispatchEvent(new Event("input"));
  });
  input.addEventListener("blur", close);
}
