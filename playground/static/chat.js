// The chat page. What the bot says is only ever put in as text: elements are built from the message's
// entities, whose offsets count UTF-16 units, as JavaScript's strings do.

const TYPING_MS = 5000; // how long Telegram shows a chat action: https://core.telegram.org/bots/api#sendchataction
const NEAR_END_PX = 120;
const QUOTED = 100;

const chatId = new URLSearchParams(location.search).get("chat") ?? "1001";
const chatUrl = `/api/chats/${chatId}`;
const at = (id) => document.getElementById(id);
const list = at("messages");
const input = at("text");
let attached = []; // [{file, url}]
let typingTimer = 0;
let following = true; // the reader is at the end, and stays there as the conversation grows

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// ---- what is said ----

const TAGS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote",
};

function wrapper(entity, text) {
  if (entity.type === "url" || entity.type === "text_link") {
    const url = safeUrl(entity.url ?? text);
    return url ? element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }) : element("span");
  }
  if (entity.type === "bot_command") {
    return element("button", { type: "button", className: "command", onclick: () => send(text, []) });
  }
  if (entity.type === "spoiler") return element("span", { className: "spoiler", tabIndex: 0 });
  return element(TAGS[entity.type] ?? "span");
}

function safeUrl(text) {
  const url = URL.parse?.(text.includes("://") ? text : `http://${text}`);
  return url && /^https?:$/.test(url.protocol) ? url.href : null;
}

function formatted(text, entities = []) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const fill = (parent, start, end) => {
    let position = start;
    while (sorted.length && sorted[0].offset < end) {
      const entity = sorted.shift();
      const from = Math.max(entity.offset, position);
      const to = Math.min(entity.offset + entity.length, end);
      if (to <= from) continue;
      parent.append(text.slice(position, from));
      const child = wrapper(entity, text.slice(from, to));
      fill(child, from, to);
      parent.append(child);
      position = to;
    }
    parent.append(text.slice(position, end));
    return parent;
  };
  return fill(element("div", { className: "text" }), 0, text.length);
}

const KINDS = {
  photo: "Photo", document: "File", voice: "Voice message", video: "Video", video_note: "Video message",
  animation: "GIF", audio: "Audio", sticker: "Sticker", location: "Location", contact: "Contact", poll: "Poll",
};
const kindOf = (message) => KINDS[Object.keys(KINDS).find((kind) => kind in message)] ?? "Message";

function quote(original) {
  const words = original.text ?? original.caption ?? kindOf(original);
  return element(
    "button",
    { type: "button", className: "quote", onclick: () => show(original.message_id) },
    element("b", { textContent: original.from?.first_name ?? "" }),
    element("span", { textContent: words.slice(0, QUOTED) }),
  );
}

function show(messageId) {
  const original = at(`m${messageId}`);
  if (!original) return;
  original.scrollIntoView({ block: "center", behavior: "smooth" });
  original.classList.remove("found");
  requestAnimationFrame(() => original.classList.add("found"));
}

function photo(sizes) {
  const large = sizes.find((size) => size.width >= 640) ?? sizes.at(-1);
  const url = `/api/files/${large.file_id}`;
  const image = element("img", { alt: "Photo", src: url, width: large.width, height: large.height });
  return element("a", { className: "photo", href: url, target: "_blank" }, image);
}

function file(document_) {
  const size = document_.file_size < 1e6 ? `${Math.ceil(document_.file_size / 1e3)} kB` : `${(document_.file_size / 1e6).toFixed(1)} MB`;
  return element("div", { className: "file", textContent: document_.file_name ?? "File" }, element("small", { textContent: size }));
}

function bubble(message) {
  const made = element("li", { id: `m${message.message_id}`, className: "message" });
  if (!message.from?.is_bot) made.classList.add("mine");
  if (message.reply_to_message) made.append(quote(message.reply_to_message));
  if (message.photo) made.append(photo(message.photo));
  else if (message.document) made.append(file(message.document));
  else if (!message.text) made.append(element("div", { className: "file", textContent: kindOf(message) }));
  const words = message.text ?? message.caption;
  if (words) made.append(formatted(words, message.entities ?? message.caption_entities));
  const when = new Date(message.date * 1000);
  made.append(element("time", {
    dateTime: when.toISOString(),
    textContent: when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  }));
  return made;
}

function put(message) {
  const made = bubble(message);
  const old = at(made.id);
  if (old) old.replaceWith(made);
  else list.append(made);
  if (message.from?.is_bot) stopTyping();
  else if (typingTimer) list.append(at("typing"));
  at("empty").hidden = true;
  if (!message.from?.is_bot) following = true;
  follow();
}

function follow() {
  if (following) list.scrollTop = list.scrollHeight;
}
list.addEventListener("scroll", () => {
  following = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END_PX;
});
// Pictures that load late and a growing composer push the end away. "load" does not bubble: caught on its way down.
list.addEventListener("load", follow, true);
new ResizeObserver(follow).observe(list);

function startTyping() {
  stopTyping();
  list.append(element("li", { id: "typing", className: "message typing", textContent: "typing…" }));
  typingTimer = setTimeout(stopTyping, TYPING_MS);
  follow();
}

function stopTyping() {
  clearTimeout(typingTimer);
  typingTimer = 0;
  at("typing")?.remove();
}

// ---- the line to the playground ----

const STATES = { online: "online", starting: "starting…", down: "not running" };

function setState(state, words = STATES[state]) {
  at("state").className = state;
  at("state").textContent = words;
}

async function loadHistory() {
  const [history, bot] = await Promise.all(
    [`${chatUrl}/messages`, "/api/bot"].map(async (url) => (await fetch(url)).json()),
  );
  stopTyping();
  list.replaceChildren(...history.messages.map(bubble));
  at("empty").hidden = history.messages.length > 0;
  at("name").textContent = document.title = bot.first_name;
  setState(bot.state);
  follow();
}

function listen() {
  const events = new EventSource(`${chatUrl}/events`);
  // Each time, not just the first: what was said while the line was down is in the history only.
  events.onopen = () => loadHistory().catch(() => setState("down", "not reachable"));
  events.onerror = () => {
    setState("down", "not reachable – trying again…");
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
  const on = (name, act) => events.addEventListener(name, (event) => act(JSON.parse(event.data)));
  on("message", ({ message }) => put(message));
  on("deleted", ({ message_id: id }) => at(`m${id}`)?.remove());
  on("action", startTyping);
  on("bot", ({ state }) => setState(state));
}

// ---- what one sends ----

async function send(text, files) {
  const form = new FormData();
  form.append("text", text);
  for (const one of files) form.append(one.type.startsWith("image/") ? "photo" : "document", one);
  at("problem").hidden = true;
  try {
    const answer = await fetch(`${chatUrl}/messages`, { method: "POST", body: form });
    if (answer.ok) return true;
    complain((await answer.json()).error);
  } catch {
    complain("The playground does not answer. Is it running?");
  }
  return false;
}

function complain(words) {
  at("problem").textContent = words;
  at("problem").hidden = false;
}

async function sendAll() {
  if (at("send").disabled || (!input.value.trim() && !attached.length)) return;
  at("send").disabled = true;
  const sent = await send(input.value, attached.map(({ file: one }) => one));
  at("send").disabled = false;
  if (!sent) return;
  input.value = "";
  grow();
  for (const { url } of attached) URL.revokeObjectURL(url);
  attached = [];
  showAttached();
  input.focus();
}

function attach(files) {
  attached.push(...[...files].map((one) => ({ file: one, url: URL.createObjectURL(one) })));
  showAttached();
  input.focus();
}

function showAttached() {
  at("attached").hidden = !attached.length;
  at("attached").replaceChildren(...attached.map((one, index) => {
    const { file: { name, type }, url } = one;
    const remove = () => { attached.splice(index, 1); URL.revokeObjectURL(url); showAttached(); };
    return element("li", {},
      type.startsWith("image/") ? element("img", { src: url, alt: name }) : element("span", { className: "name", textContent: name }),
      element("button", { type: "button", textContent: "×", title: "Remove", ariaLabel: `Remove ${name}`, onclick: remove }));
  }));
}

function grow() {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`;
}

input.addEventListener("input", grow);
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendAll();
});
at("composer").addEventListener("submit", (event) => { event.preventDefault(); sendAll(); });
at("files").addEventListener("change", ({ target }) => { attach(target.files); target.value = ""; });
input.addEventListener("paste", (event) => {
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

listen();
