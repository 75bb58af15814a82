// The shelves that run low, as a short list below the map.

import { el } from "./format.js";
import { keyed } from "./keyed.js";

const SHOWN = 6;
export const LOW = 0.34;

/** `count` opens the form for a facing, or is null where the page may only read. */
export function createStock(count) {
  const list = document.getElementById("low");
  const stock = new Map();
  let products = {};
  let gtins = new Map();

  function show() {
    const low = [...stock]
      .filter(([facing, s]) => s.capacity > 0 && s.units / s.capacity < LOW && gtins.has(facing))
      .sort(([, a], [, b]) => a.units / a.capacity - b.units / b.capacity)
      .slice(0, SHOWN)
      .map(([facing, s]) => ({ facing, ...s, name: products[gtins.get(facing)].name }));
    keyed(list, low, (item) => item.facing, (item) => chip(item, count));
  }

  return {
    layout(layout) {
      products = layout.products;
      gtins = new Map(layout.gondolas.flatMap((g) => g.facings.map((f) => [f.id, f.gtin])));
      show();
    },
    state({ stock: fresh }) {
      const changes = Object.entries(fresh);
      if (!changes.length) return;
      for (const [facing, content] of changes) stock.set(facing, content);
      show();
    },
  };
}

function chip({ facing, name, units, capacity }, count) {
  const content = [`${name} `, el("b", { text: `${units}/${capacity}`.replace("-", "−") })];
  const open = () => count({ facing, name, units });
  return el(
    "li",
    { "data-level": units <= 0 ? "empty" : "low", title: facing },
    ...(count ? [el("button", { onclick: open }, ...content)] : content),
  );
}
