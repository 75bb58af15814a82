// The floor map: a still picture of the shop, redrawn on change, with people moving above it.

import { createPeople } from "./people.js";
import { paintShop, paintStirred } from "./shop.js";
import { attachTip } from "./tip.js";

const MARGIN_M = { x: 0.2, y: 0.38 }; // room for what is written outside the walls

/** `count` opens the form for a facing, or is null where the page may only read. */
export function createFloor(count) {
  const canvas = document.getElementById("floor");
  const context = canvas.getContext("2d");
  const still = document.createElement("canvas");
  const people = createPeople();
  const shop = { layout: null, stock: new Map(), down: {}, stirred: new Set() };
  let view = null;
  let stale = true;
  let dirty = true;
  let before = 0;

  attachTip(canvas, () => (view && shop.layout ? { view, shop } : null), count);
  new ResizeObserver(fit).observe(canvas.parentElement);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (stale = true));
  requestAnimationFrame(frame);

  /** Fit the floor into the element; metres to pixels with y upwards. */
  function fit() {
    if (!shop.layout) return;
    const box = canvas.parentElement.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    for (const target of [canvas, still]) {
      target.width = Math.max(1, Math.round(box.width * ratio));
      target.height = Math.max(1, Math.round(box.height * ratio));
    }
    const [x0, y0, x1, y1] = shop.layout.floor;
    const wide = x1 - x0 + 2 * MARGIN_M.x;
    const high = y1 - y0 + 2 * MARGIN_M.y;
    const scale = Math.min(box.width / wide, box.height / high);
    const left = (box.width - (x1 - x0) * scale) / 2;
    const bottom = box.height - (box.height - (y1 - y0) * scale) / 2;
    view = {
      scale,
      ratio,
      width: box.width,
      height: box.height,
      x: (x) => left + (x - x0) * scale,
      y: (y) => bottom - (y - y0) * scale,
      back: (px, py) => [(px - left) / scale + x0, (bottom - py) / scale + y0],
    };
    stale = true;
  }

  function frame(now) {
    requestAnimationFrame(frame);
    const elapsed = Math.min((now - before) / 1000, 0.25);
    before = now;
    if (!view) return;
    if (stale) {
      const pen = still.getContext("2d");
      pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
      paintShop(pen, view, shop);
    }
    const moved = people.advance(elapsed, now);
    if (!stale && !dirty && !moved) return;
    stale = dirty = false;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(still, 0, 0);
    context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    paintStirred(context, view, shop);
    people.paint(context, view, now);
  }

  return {
    layout(layout) {
      shop.layout = layout;
      const [x0, y0, x1, y1] = layout.floor;
      const ratio = (x1 - x0 + 2 * MARGIN_M.x) / (y1 - y0 + 2 * MARGIN_M.y);
      canvas.parentElement.style.setProperty("--floor-ratio", String(ratio));
      fit();
    },
    forget() {
      people.forget();
    },
    state({ floor, stock, status }) {
      if (floor) {
        people.update(floor, performance.now());
        shop.stirred = new Set(floor.stirred);
        dirty = true;
        canvas.setAttribute("aria-label", people.describe());
      }
      for (const [facing, content] of Object.entries(stock)) {
        shop.stock.set(facing, content);
        stale = true;
      }
      if (status) {
        shop.down = status.down;
        stale = true;
      }
    },
  };
}
