// Names the facing under the pointer: product, place and stock.

export function attachTip(canvas, current) {
  const tip = document.getElementById("tip");

  canvas.addEventListener("pointermove", (event) => {
    const scene = current();
    const facing = scene && facingAt(scene, event.offsetX, event.offsetY);
    tip.hidden = !facing;
    if (!facing) return;
    const { layout, stock } = scene.shop;
    const units = stock.get(facing.id)?.units ?? 0;
    tip.textContent = `${layout.products[facing.gtin].name} · ${facing.id} · ${units} of ${facing.capacity}`;
    const left = Math.min(event.offsetX + 14, scene.view.width - tip.offsetWidth - 4);
    tip.style.transform = `translate(${left}px, ${event.offsetY + 16}px)`;
  });
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
}

function facingAt({ view, shop }, px, py) {
  const point = view.back(px, py);
  for (const gondola of shop.layout.gondolas) {
    if (!inside(point, gondola.outline)) continue;
    return gondola.facings.find((facing) => inside(point, facing.outline)) ?? null;
  }
  return null;
}

/** Whether a point lies within a convex outline that runs counter-clockwise. */
function inside([x, y], outline) {
  return outline.every(([ax, ay], i) => {
    const [bx, by] = outline[(i + 1) % outline.length];
    return (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0;
  });
}
