// What happened, newest first, in sentences that the server wrote.

import { COLOURS, el, when } from "./format.js";

const LONGEST = 100;
const SURE = /^(.*) · (\d+ %)$/;
const TONES = {
  Entered: "door",
  Exited: "door",
  Picked: "pick",
  PutBack: "back",
  HandedOver: "back",
  Revised: "revise",
  Misplaced: "warn",
  Restocked: "stock",
  ReviewRequested: "warn",
  ReviewClosed: "stock",
  Alerted: "alert",
};

export function createFeed() {
  const list = document.getElementById("feed");
  const seen = new Set();

  return {
    forget() {
      seen.clear();
      list.setAttribute("aria-busy", "true"); // what comes first is history, not news
      list.replaceChildren();
    },
    state({ events }) {
      for (const event of events) {
        if (seen.has(event.number)) continue;
        seen.add(event.number);
        list.prepend(entry(event));
      }
      list.setAttribute("aria-busy", "false");
      while (list.childElementCount > LONGEST) list.lastElementChild.remove();
    },
  };
}

function entry({ kind, colour, at_s, told_s, text }) {
  const [, sentence, sure] = SURE.exec(text) ?? [null, text, null];
  return el(
    "li",
    {
      "data-tone": TONES[kind] ?? "door",
      "data-colour": colour === null ? null : colour % COLOURS,
    },
    el("time", { text: when(told_s ?? at_s), title: told_s ? `it was ${when(at_s)}` : null }),
    el("span", { class: "sentence", text: sentence }),
    sure ? el("small", { text: sure }) : null,
  );
}
