// Elements, times, and words for a screen reader.

export const at = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const CLOCK = { hour: "2-digit", minute: "2-digit" };
const dateOf = (seconds) => new Date(seconds * 1000);
const startOfDay = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

export function time(seconds, edited = false) {
  const date = dateOf(seconds);
  const clock = date.toLocaleTimeString([], CLOCK);
  return element("time", {
    dateTime: date.toISOString(), title: date.toLocaleString(), textContent: edited ? `edited ${clock}` : clock,
  });
}

export const dayOf = (seconds) => startOfDay(dateOf(seconds)).getTime();

export function dayName(day) {
  const date = new Date(day);
  const today = startOfDay(new Date());
  const daysAgo = Math.round((today - date) / 864e5);
  if (daysAgo === 0) return "Today";
  if (daysAgo === 1) return "Yesterday";
  const year = date.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString([], { day: "numeric", month: "long", year });
}

/** A screen reader says this when it has finished its sentence. */
export function announce(words) {
  const live = at("live");
  live.append(element("p", { textContent: words }));
  while (live.children.length > 5) live.firstChild.remove();
}

let toastTimer = 0;

/** Show a few words for some seconds. */
export function toast(words) {
  at("toast").textContent = words;
  at("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { at("toast").hidden = true; }, 5000);
}
