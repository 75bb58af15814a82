// Finished bills, newest first; each opens to its lines.

import { disc, el, money, units, when } from "./format.js";
import { keyed } from "./keyed.js";

export function createReceipts() {
  const list = document.getElementById("receipt-list");
  const count = document.getElementById("receipts-count");
  return {
    state({ receipts, totals }) {
      if (totals) count.textContent = totals.receipts ? String(totals.receipts) : "";
      if (!receipts) return;
      keyed(list, receipts.length ? receipts : [null], (r) => r?.visit ?? "none", card);
    },
  };
}

function card(receipt, before) {
  if (receipt === null) return el("p", { class: "empty", text: "No receipts yet." });
  const quantity = receipt.lines.reduce((sum, line) => sum + line.quantity, 0);
  const reviewed = receipt.reviewer ? ` · decided by ${receipt.reviewer}` : "";
  return el(
    "details",
    { class: "receipt", open: before?.open ? "" : null },
    el(
      "summary",
      {},
      disc(receipt.shopper, receipt.colour),
      el(
        "span",
        { class: "who" },
        el("b", { text: receipt.shopper }),
        el("small", {
          text: `${when(receipt.at_s, false)} · ${quantity ? units(quantity) : "nothing"}${reviewed}`,
        }),
      ),
      el("span", { class: "total", text: money(receipt.total_cents) }),
    ),
    el(
      "ul",
      { class: "lines" },
      ...receipt.lines.map((line) =>
        el(
          "li",
          {},
          el("span", { class: "quantity", text: `${line.quantity} ×` }),
          el("span", { class: "name", text: line.name }),
          el("span", { class: "price", text: money(line.total_cents) }),
        ),
      ),
    ),
  );
}
