// Cases that the engine is unsure of; a person picks the answer.

import { disc, el, money, percent, when } from "./format.js";
import { keyed } from "./keyed.js";
import { post, rememberActor } from "./post.js";

export function createReviews() {
  const panel = document.getElementById("reviews");
  const list = document.getElementById("review-list");
  const count = document.getElementById("reviews-count");
  const actor = document.getElementById("actor");
  if (actor) rememberActor(actor);
  return {
    state({ reviews }) {
      if (!reviews) return;
      panel.hidden = reviews.length === 0;
      count.textContent = String(reviews.length);
      keyed(list, reviews, (review) => review.review, (review) => card(review, actor));
    },
  };
}

function card(review, actor) {
  const note = el("p", { class: "note", role: "status" });
  const held = review.kind === "held";
  const known = describe(review.certain);
  const node = el(
    "article",
    { class: "card review", "data-review": review.review },
    el(
      "header",
      {},
      disc(review.shopper, review.colour),
      el(
        "div",
        { class: "who" },
        el("h3", { text: review.shopper }),
        el("p", { text: `left at ${when(review.at_s, false)}` }),
      ),
    ),
    el("p", { class: "reason", text: sentence(review.reason) }),
    review.certain.length || !held
      ? el("p", {
          class: "certain",
          text: held ? `Certain: ${known}. And besides?` : `Billed: ${known}.`,
        })
      : null,
  );
  const answers = el("div", { class: "answers", role: "group", "aria-label": "What was taken?" });
  const decide = (lines) => send(review.review, lines, actor, answers, note);
  for (const candidate of review.candidates) {
    answers.append(answer(candidate, held ? review.certain : [], decide, !actor));
  }
  if (actor) {
    answers.append(
      el("button", { class: "plain", text: "Cannot be told", onclick: () => decide(null) }),
    );
  }
  node.append(answers, note);
  return node;
}

/** An answer is a whole bill; its words leave out what is certain anyway. */
function answer({ lines, probability }, certain, decide, disabled) {
  const sure = new Set(certain.map(({ gtin, quantity }) => `${gtin} ${quantity}`));
  const open = lines.filter(({ gtin, quantity }) => !sure.has(`${gtin} ${quantity}`));
  const total = lines.reduce((sum, line) => sum + line.total_cents, 0);
  return el(
    "button",
    {
      class: "answer",
      disabled: disabled ? "" : null,
      onclick: () => decide(lines.map((line) => [line.gtin, line.quantity])),
    },
    el("span", { class: "name", text: describe(open, certain.length > 0) }),
    el("small", { text: percent(probability) }),
    el("span", { class: "price", text: money(total) }),
  );
}

function sentence(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function describe(lines, besides = false) {
  if (!lines.length) return besides ? "Nothing else" : "Nothing";
  return lines.map((l) => (l.quantity > 1 ? `${l.quantity} × ${l.name}` : l.name)).join(", ");
}

async function send(review, lines, actor, answers, note) {
  const buttons = answers.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  note.textContent = "Sending …";
  try {
    await post(`/api/v1/reviews/${encodeURIComponent(review)}/decision`, {
      lines,
      actor: actor.value.trim() || "labeler",
    });
    note.textContent = "Sent. The engine closes the case.";
  } catch (error) {
    note.textContent = `Not sent: ${error.message}`;
    for (const button of buttons) button.disabled = false;
  }
}
