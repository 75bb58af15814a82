// What all painters of the map share.

import { COLOURS } from "./format.js";

const known = new Map();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => known.clear());

/** A token of tokens.css as it is in the present colour scheme. */
export function colour(token) {
  if (!known.has(token)) {
    const style = getComputedStyle(document.documentElement);
    known.set(token, style.getPropertyValue(token).trim());
  }
  return known.get(token);
}

/** Begin a path through floor points in metres. */
export function path(pen, view, points, closed = true) {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(view.x(x), view.y(y));
  if (closed) pen.closePath();
}

/** The colour of a person on the map. */
export function tone({ fresh }) {
  return colour(fresh.visit ? `--p${fresh.colour % COLOURS}` : "--unknown");
}

/** The size of a person's disc, pixels. */
export function radius(view) {
  return Math.max(10, Math.min(17, view.scale * 0.19));
}
