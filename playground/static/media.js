// What a message brings beside its text: pictures and files.

import { element } from "./dom.js";
import { hidePicture } from "./spoiler.js";
import { inOneLine, kindOf } from "./text.js";

const PREVIEW_PX = 480;

export const fileUrl = (file) => `/api/files/${file.file_id}`;

function photo(message, onPicture) {
  const sizes = message.photo;
  const shown = sizes.find((size) => size.width >= PREVIEW_PX) ?? sizes.at(-1);
  const alt = message.caption ? inOneLine(message) : `Photo from ${message.from?.first_name ?? message.chat?.title ?? ""}`;
  const image = element("img", { alt, src: fileUrl(shown), width: shown.width, height: shown.height });
  const made = element("a", { className: "photo", href: fileUrl(sizes.at(-1)), target: "_blank" }, image);
  made.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onPicture(made.href, alt);
  });
  hidePicture(made, message);
  return made;
}

function sizeOf(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function file(sent) {
  const words = element("span", { textContent: sent.file_name ?? "File" }, element("small", { textContent: sizeOf(sent.file_size) }));
  const made = element("a", { className: "file", href: fileUrl(sent), download: sent.file_name ?? "" });
  if (/^image\//.test(sent.mime_type)) {
    const image = element("img", { src: fileUrl(sent), alt: "" });
    image.addEventListener("error", () => image.remove()); // its type says image, but it is not one
    made.append(image);
  }
  made.append(words);
  return made;
}

/** The element of a picture, a file, or another kind; null for a text. onPicture(link, words) opens a picture. */
export function content(message, onPicture) {
  if (message.photo) return photo(message, onPicture);
  if (message.document) return file(message.document);
  return message.text ? null : element("div", { className: "kind", textContent: kindOf(message) });
}
