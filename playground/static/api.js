// The page's requests to its server, and what the page knows about the bot.

export const page = { chatId: 1001, bot: { first_name: "Whatsit", username: "" }, chats: new Map(), writer: null };

export const currentChat = () => page.chats.get(page.chatId);
export const isShown = (chatId) => chatId === page.chatId && document.visibilityState === "visible";
export const isGroup = (chat = currentChat()) => Boolean(chat) && chat.type !== "private";
/** The commands that the bot offers in the shown chat. */
export const commands = () => currentChat()?.commands ?? page.bot.commands ?? [];
export const mention = () => `@${page.bot.username}`;

const UNREACHABLE = "This could not be sent: the connection is lost. Your message is still here; try again in a moment.";

/** The answer. Throws an Error with words for people if the request is refused or the server does not answer. */
async function call(method, path, body) {
  const isForm = body instanceof FormData;
  const answer = await fetch(`/api/${path}`, {
    method,
    body: isForm ? body : body && JSON.stringify(body),
    headers: body && !isForm ? { "Content-Type": "application/json" } : {},
  }).catch(() => { throw new Error(UNREACHABLE); });
  if (!answer.ok) throw new Error(`This did not work (${answer.status}).`);
  const result = await answer.json();
  if (result.refused) throw Object.assign(new Error(result.refused), { asFile: result.as_file });
  return result;
}

/** A chat's history {messages, draft}: draft is null unless the bot is about to say something. */
export const history = (chatId) => call("GET", `chats/${chatId}/messages`);
export const newChat = async (group) => (await call("POST", "chats", { group })).chat;
export const setMember = (chatId, member) => call("PUT", `chats/${chatId}`, { member });
export const setPrivacy = (privacy) => call("PUT", "bot", { privacy });
export const markRead = (chatId, messageId) => call("PUT", `chats/${chatId}`, { read: messageId });

/** Press a button. The answer {heard, query_id}: whether the bot listens to buttons, and the id that it will answer. */
export const press = (messageId, data) =>
  call("POST", `chats/${page.chatId}/messages/${messageId}/press`, { data, ...(page.writer && { user: page.writer }) });

const PHOTO = /^image\/(jpeg|png|webp|bmp|avif)$/;

/** Whether Telegram's apps send such a file as a photo. */
export const isPhoto = (file) => PHOTO.test(file.type);

/** Send a text, or files with the text as their caption. */
export function send(text, files = [], { asFiles = false, spoiler = false, replyTo = null } = {}) {
  const form = new FormData();
  form.append("text", text);
  if (page.writer) form.append("user", page.writer);
  if (replyTo) form.append("reply_to", replyTo);
  if (spoiler && !asFiles) form.append("spoiler", "1");
  for (const file of files) form.append(isPhoto(file) && !asFiles ? "photo" : "document", file);
  return call("POST", `chats/${page.chatId}/messages`, form);
}
