// Draws what does not move: floor, gondolas with stock, gates, cameras.

import { colour, path } from "./paint.js";
import { LOW } from "./stock.js";

export function paintShop(pen, view, { layout, stock, down }) {
  pen.clearRect(0, 0, view.width, view.height);
  paintGround(pen, view, layout.floor);
  for (const gondola of layout.gondolas) paintGondola(pen, view, gondola, stock);
  for (const gate of layout.gates) paintGate(pen, view, gate, gate.id in down);
  for (const camera of layout.cameras) paintCamera(pen, view, camera, layout.floor, camera.id in down);
}

/** Light up the facings and gates where something was just felt. */
export function paintStirred(pen, view, { layout, stirred }) {
  if (!stirred.size) return;
  pen.strokeStyle = colour("--stir");
  for (const gondola of layout.gondolas) {
    for (const facing of gondola.facings) {
      if (!stirred.has(facing.id)) continue;
      pen.lineWidth = 2.5;
      path(pen, view, facing.outline);
      pen.stroke();
    }
  }
  for (const gate of layout.gates) {
    if (!stirred.has(gate.id)) continue;
    pen.lineWidth = 9;
    pen.lineCap = "round";
    path(pen, view, [gate.a, gate.b], false);
    pen.stroke();
  }
}

function paintGround(pen, view, [x0, y0, x1, y1]) {
  const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
  path(pen, view, corners);
  pen.fillStyle = colour("--ground");
  pen.fill();
  pen.strokeStyle = colour("--grid");
  pen.lineWidth = 1;
  for (let x = Math.ceil(x0); x < x1; x += 1) {
    path(pen, view, [[x, y0], [x, y1]], false);
    pen.stroke();
  }
  for (let y = Math.ceil(y0); y < y1; y += 1) {
    path(pen, view, [[x0, y], [x1, y]], false);
    pen.stroke();
  }
  path(pen, view, corners);
  pen.strokeStyle = colour("--wall");
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.stroke();
}

function paintGondola(pen, view, gondola, stock) {
  const { outline, facings } = gondola;
  pen.save();
  pen.shadowColor = colour("--shade");
  pen.shadowBlur = 10;
  pen.shadowOffsetY = 3;
  path(pen, view, outline);
  pen.fillStyle = colour("--rack");
  pen.fill();
  pen.restore();
  for (const facing of facings) paintFacing(pen, view, facing, stock.get(facing.id));
  path(pen, view, outline);
  pen.strokeStyle = colour("--rack-edge");
  pen.lineWidth = 1.5;
  pen.stroke();
  paintName(pen, view, gondola);
}

/** A cell that fills from the shopper's side as far as the facing is stocked. */
function paintFacing(pen, view, { outline, capacity }, content) {
  const [left, right, backRight, backLeft] = outline;
  path(pen, view, outline);
  pen.fillStyle = colour("--cell");
  pen.fill();
  const units = content?.units ?? 0;
  const level = capacity > 0 ? Math.max(0, Math.min(1, units / capacity)) : 0;
  if (level > 0) {
    path(pen, view, [left, right, between(right, backRight, level), between(left, backLeft, level)]);
    pen.fillStyle = colour(level < LOW ? "--low" : "--full");
    pen.fill();
  } else {
    pen.fillStyle = colour("--empty");
    path(pen, view, outline);
    pen.fill();
  }
  path(pen, view, outline);
  pen.strokeStyle = colour("--rack");
  pen.lineWidth = 1.5;
  pen.stroke();
}

function paintName(pen, view, { id, outline }) {
  const [left, right, , backLeft] = outline;
  const depth = Math.hypot(backLeft[0] - left[0], backLeft[1] - left[1]);
  const out = [(left[0] - backLeft[0]) / depth, (left[1] - backLeft[1]) / depth];
  const x = view.x((left[0] + right[0]) / 2 + out[0] * 0.13);
  const y = view.y((left[1] + right[1]) / 2 + out[1] * 0.13);
  write(pen, id, x, y, colour("--quiet"), 10.5);
}

function paintGate(pen, view, { id, kind, a, b }, down) {
  pen.lineCap = "round";
  pen.strokeStyle = colour("--ground");
  pen.lineWidth = 8;
  path(pen, view, [a, b], false);
  pen.stroke();
  const tone = colour(down ? "--bad" : kind === "exit" ? "--exit" : "--entry");
  pen.strokeStyle = tone;
  pen.lineWidth = 4;
  pen.stroke();
  const words = { entry: "IN", exit: "OUT", both: "IN · OUT" }[kind];
  const x = view.x((a[0] + b[0]) / 2);
  const y = view.y((a[1] + b[1]) / 2);
  write(pen, down ? `${id} down` : words, x, y + 15, tone, 11);
}

function paintCamera(pen, view, { id, position, look_at: target }, [, y0, , y1], down) {
  const x = view.x(position[0]);
  const y = view.y(position[1]);
  const angle = Math.atan2(view.y(target[1]) - y, view.x(target[0]) - x);
  const tone = colour(down ? "--bad" : "--lens");
  pen.save();
  pen.translate(x, y);
  pen.rotate(angle);
  pen.globalAlpha = 0.16;
  pen.fillStyle = tone;
  pen.beginPath();
  pen.moveTo(0, 0);
  pen.arc(0, 0, 30, -0.6, 0.6);
  pen.fill();
  pen.globalAlpha = 1;
  pen.beginPath();
  pen.roundRect(-7, -4.5, 12, 9, 2);
  pen.moveTo(5, 0);
  pen.lineTo(10, -4);
  pen.lineTo(10, 4);
  pen.fill();
  pen.restore();
  const low = position[1] - y0 < y1 - position[1];
  const atWall = Math.min(position[1] - y0, y1 - position[1]) < 0.5;
  const below = atWall ? (low ? view.y(y0) + 15 : view.y(y1) - 13) : y + 16;
  write(pen, id, x, below, down ? tone : colour("--quiet"), 10.5);
}

function between(from, to, share) {
  return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
}

function write(pen, text, x, y, tone, size) {
  pen.fillStyle = tone;
  pen.font = `600 ${size}px ${colour("--font")}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, x, y);
}
