// What all painters of the map share.

/** A token of tokens.css as it is in the present colour scheme. */
export function colour(token) {
  return getComputedStyle(document.documentElement).getPropertyValue(token).trim();
}

/** Begin a path through floor points in metres. */
export function path(pen, view, points, closed = true) {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(view.x(x), view.y(y));
  if (closed) pen.closePath();
}
