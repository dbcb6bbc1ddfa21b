// Pictures to try the bot with: one click sends one. Their sources: samples/README.md.

import { isGroup, send } from "./api.js";
import { at, element } from "./dom.js";
import { groupState } from "./group.js";

const SAMPLES = { cat: "a cat’s face", coffee: "a cup of coffee", rocket: "a rocket before its launch" };

async function sendSample(name, onError) {
  at("text").focus();
  try {
    const picture = await (await fetch(`samples/${name}.jpg`)).blob();
    await send(isGroup() ? groupState().ask() : "", [new File([picture], `${name}.jpg`, { type: "image/jpeg" })]);
  } catch (error) {
    onError(error.message);
  }
}

/** Put a button for each picture into each element of the class “samples”. */
export function offerSamples(onError) {
  for (const place of document.querySelectorAll(".samples")) {
    place.append(...Object.entries(SAMPLES).map(([name, words]) => element(
      "button",
      { type: "button", className: "sample", title: `Send ${words}`, ariaLabel: `Send ${words}`, onclick: () => sendSample(name, onError) },
      element("img", { src: `samples/${name}.jpg`, alt: "", width: 96, height: 96 }),
    )));
  }
  const toggle = at("show-samples");
  toggle.addEventListener("click", () => {
    at("sample-strip").hidden = !at("sample-strip").hidden;
    toggle.ariaExpanded = String(!at("sample-strip").hidden);
  });
}
