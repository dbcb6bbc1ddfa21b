// A group's line below the header: whether the bot is a member, what it is given to read there, and who writes.

import * as api from "./api.js";
import { at } from "./dom.js";

const { page } = api;
let complain = () => {};

const bot = () => page.bot.first_name;

const STATES = {
  private: {
    means: () => `On: only commands and replies to ${bot()} arrive.`,
    hint: () => `In a group, ${bot()} sees commands and replies to it: reply to a photo with /what${api.mention()}.`,
    mention: "does not arrive in privacy mode",
    ask: () => `/what${api.mention()}`,
  },
  open: {
    means: () => "Off: every message arrives, in all its groups.",
    hint: () => `In this group, ${bot()} gets every message. It answers if you mention it (${api.mention()}), reply to it, or send it a command.`,
    mention: "so that it answers",
    ask: () => `${api.mention()} What is this?`,
  },
  absent: {
    means: () => "",
    hint: () => `${bot()} is not in this group. Mention it below a photo (${api.mention()}): as a guest it answers once.`,
    mention: "to ask it as a guest",
    ask: () => `${api.mention()} What is this?`,
  },
};

/** How the bot takes part in the shown group: words for it. */
export function groupState() {
  if (api.currentChat()?.member === false) return STATES.absent;
  return page.bot.privacy === false ? STATES.open : STATES.private;
}

/** Show the line, in a group, as things are now. */
export function drawGroup() {
  const chat = api.currentChat();
  at("group").hidden = !api.isGroup(chat);
  page.writer = api.isGroup(chat) ? Number(at("writer").querySelector(":checked").value) : null;
  if (at("group").hidden) return;
  const isMember = chat.member !== false;
  const words = isMember ? `${bot()} is a member.` : `${bot()} is not a member.`;
  if (at("membership").textContent !== words) at("membership").textContent = words;
  at("set-member").textContent = isMember ? `Remove ${bot()}` : `Add ${bot()}`;
  at("privacy").hidden = !isMember;
  at("set-privacy").checked = page.bot.privacy !== false;
  at("privacy-means").textContent = groupState().means();
}

async function change(control, send) {
  if (control.ariaBusy) return;
  control.ariaBusy = "true";
  complain("");
  try {
    await send();
  } catch (error) {
    complain(error.message);
  }
  control.ariaBusy = null;
  drawGroup(); // its events have told what is so now; after an error it is as before
}

/** Connect the line to the rest of the page. */
export function setUpGroup(onError) {
  complain = onError;
  at("set-member").addEventListener("click", ({ currentTarget }) => {
    const chat = api.currentChat();
    change(currentTarget, () => api.setMember(chat.id, chat.member === false));
  });
  at("set-privacy").addEventListener("change", ({ currentTarget }) => {
    change(currentTarget, () => api.setPrivacy(currentTarget.checked));
  });
  at("writer").addEventListener("change", drawGroup);
}
