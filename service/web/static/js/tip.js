// Names the facing under the pointer: product, place and stock. A click counts it.

export function attachTip(canvas, current, count) {
  const tip = document.getElementById("tip");

  canvas.addEventListener("pointermove", (event) => {
    const scene = current();
    const facing = scene && facingAt(scene, event.offsetX, event.offsetY);
    tip.hidden = !facing;
    canvas.classList.toggle("countable", Boolean(facing && count));
    if (!facing) return;
    const { name, units } = contentOf(scene, facing);
    tip.textContent = `${name} · ${facing.id} · ${units} of ${facing.capacity}`;
    const left = Math.min(event.offsetX + 14, scene.view.width - tip.offsetWidth - 4);
    tip.style.transform = `translate(${left}px, ${event.offsetY + 16}px)`;
  });
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  canvas.addEventListener("click", (event) => {
    const scene = current();
    const facing = scene && facingAt(scene, event.offsetX, event.offsetY);
    if (facing) count?.({ facing: facing.id, ...contentOf(scene, facing) });
  });
}

function contentOf({ shop }, facing) {
  const name = shop.layout.products[facing.gtin].name;
  return { name, units: shop.stock.get(facing.id)?.units ?? 0 };
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
