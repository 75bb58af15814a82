// Names and cart values beside the discs, placed where they cover the least.

import { money } from "./format.js";
import { colour, radius, tone } from "./paint.js";

const HEIGHT = 22;
const CRAMPED_PX_PER_M = 70; // below this scale there is room for names only

export function paintLabels(pen, view, people) {
  const size = radius(view);
  const taken = people.map(({ at }) => ({
    x: view.x(at[0]) - size,
    y: view.y(at[1]) - size,
    width: 2 * size,
    height: 2 * size,
  }));
  for (const person of people) {
    if (!person.fresh.visit) continue;
    const words = measure(pen, view, person);
    const box = place(view, person, words.width, taken);
    taken.push(box);
    paintLabel(pen, person, words, box);
  }
}

function measure(pen, view, { fresh }) {
  const font = colour("--font");
  const amount = view.scale < CRAMPED_PX_PER_M ? "" : money(fresh.value_cents);
  pen.font = `700 12.5px ${font}`;
  const nameWidth = pen.measureText(fresh.shopper).width;
  pen.font = `500 12.5px ${font}`;
  const amountWidth = amount ? pen.measureText(amount).width + 6 : 0;
  return { amount, nameWidth, width: nameWidth + amountWidth + 18 };
}

/** Right of the disc if that is free, else left, below or above. */
function place(view, { at }, width, taken) {
  const gap = radius(view) + 7;
  const [x, y] = [view.x(at[0]), view.y(at[1])];
  const places = [
    [x + gap, y - HEIGHT / 2],
    [x - gap - width, y - HEIGHT / 2],
    [x - width / 2, y + gap],
    [x - width / 2, y - gap - HEIGHT],
    [x + gap, y + HEIGHT / 2 + 2],
    [x - gap - width, y + HEIGHT / 2 + 2],
  ].map(([left, top]) => ({ x: left, y: top, width, height: HEIGHT }));
  const visible = places.filter((box) => within(box, view));
  return visible.find((box) => !taken.some((other) => overlaps(box, other))) ?? visible[0] ?? places[0];
}

function paintLabel(pen, person, { amount, nameWidth }, box) {
  const font = colour("--font");
  pen.beginPath();
  pen.roundRect(box.x, box.y, box.width, box.height, HEIGHT / 2);
  pen.fillStyle = colour("--surface");
  pen.fill();
  pen.strokeStyle = tone(person);
  pen.lineWidth = 1.5;
  pen.stroke();
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  const middle = box.y + HEIGHT / 2 + 0.5;
  pen.font = `500 12.5px ${font}`;
  pen.fillStyle = colour("--quiet");
  pen.fillText(amount, box.x + 15 + nameWidth, middle);
  pen.font = `700 12.5px ${font}`;
  pen.fillStyle = colour("--ink");
  pen.fillText(person.fresh.shopper, box.x + 9, middle);
}

function within(box, view) {
  return box.x >= 2 && box.x + box.width <= view.width - 2 && box.y >= 2 && box.y + box.height <= view.height - 2;
}

function overlaps(a, b) {
  return (
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
  );
}
