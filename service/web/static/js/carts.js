// A card for every cart that is open or held for review.

import { disc, el, money, percent, units, when } from "./format.js";
import { keyed } from "./keyed.js";

const ROOMY = 4; // with more carts than this, lines run on

export function createCarts() {
  const list = document.getElementById("cart-list");
  const count = document.getElementById("carts-count");
  return {
    state({ carts }) {
      if (!carts) return;
      const held = carts.filter((cart) => cart.state === "held").length;
      count.textContent = carts.length
        ? `${carts.length - held} open${held ? ` · ${held} held` : ""}`
        : "";
      carts.sort((a, b) => (a.state === "held") - (b.state === "held"));
      list.classList.toggle("dense", carts.length > ROOMY);
      keyed(list, carts.length ? carts : [null], (cart) => cart?.visit ?? "none", card);
    },
  };
}

function card(cart, before) {
  if (cart === null) {
    return el("p", { class: "empty", text: "No open carts. The next shopper appears here." });
  }
  const held = cart.state === "held";
  const quantity = cart.lines.reduce((sum, line) => sum + line.quantity, 0);
  const node = el(
    "article",
    { class: "card cart", "data-state": cart.state, "data-visit": cart.visit },
    el(
      "header",
      {},
      disc(cart.shopper, cart.colour),
      el(
        "div",
        { class: "who" },
        el("h3", { text: cart.shopper }),
        el("p", { text: `since ${when(cart.entered_s, false)} · ${units(quantity)}` }),
      ),
      el("p", { class: "total", text: money(cart.total_cents) }),
    ),
    held ? el("p", { class: "held", text: "Left the store · held for review" }) : null,
    cart.lines.length ? el("ul", { class: "lines" }, ...cart.lines.map(line)) : null,
  );
  if (before && before.querySelector(".total")?.textContent !== money(cart.total_cents)) {
    node.classList.add("changed");
  }
  return node;
}

/** One product, and why it stands there; how sure the engine is is said only where it matters. */
function line({ name, gtin, quantity, total_cents, posterior, why }) {
  const level = posterior >= 0.95 ? "high" : posterior >= 0.8 ? "middle" : "low";
  const words = `${percent(posterior)} sure`;
  const bar = el("span", { class: "sure", role: "img", "aria-label": words, title: words });
  const filled = el("i");
  filled.style.inlineSize = `${Math.round(posterior * 100)}%`;
  bar.append(filled);
  return el(
    "li",
    { "data-gtin": gtin, "data-sure": level },
    el("span", { class: "quantity", text: `${quantity} ×` }),
    el("span", { class: "name", text: name, title: why || null }),
    level === "high" ? null : el("small", { "aria-hidden": "true", text: percent(posterior) }),
    bar,
    el("span", { class: "price", text: money(total_cents) }),
  );
}
