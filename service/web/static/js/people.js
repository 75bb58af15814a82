// Shoppers on the map: they glide between reports and leave a fading trail.

import { initials, money } from "./format.js";
import { paintLabels } from "./labels.js";
import { colour, radius, tone } from "./paint.js";

const GLIDE_PER_S = 10;
const JUMP_M = 1.5;
const TRAIL_MS = 7000;
const TRAIL_STEP_M = 0.06;
const DOUBTFUL = 0.1;
const LARGEST_M = 0.9; // of an ellipse's half axes: beyond it nobody knows anyway

export function createPeople() {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let people = new Map();
  let hands = [];

  return {
    /** Whoever comes next is drawn where they are, and glides from nowhere. */
    forget() {
      people = new Map();
      hands = [];
    },

    update(floor, now) {
      const next = new Map();
      for (const fresh of floor.people) {
        const known = people.get(fresh.person);
        const person = known ?? { at: [fresh.x, fresh.y], trail: [] };
        person.fresh = fresh;
        if (Math.hypot(person.at[0] - fresh.x, person.at[1] - fresh.y) > JUMP_M) {
          person.at = [fresh.x, fresh.y];
          person.trail = [];
        }
        const last = person.trail.at(-1);
        if (!last || Math.hypot(last.x - fresh.x, last.y - fresh.y) > TRAIL_STEP_M) {
          person.trail.push({ x: fresh.x, y: fresh.y, at: now });
        }
        next.set(fresh.person, person);
      }
      people = next;
      hands = floor.hands;
    },

    /** Move everybody on by `elapsed` seconds; true while anything still moves. */
    advance(elapsed, now) {
      const share = calm.matches ? 1 : 1 - Math.exp(-elapsed * GLIDE_PER_S);
      let moving = false;
      for (const { at, fresh, trail } of people.values()) {
        const rest = [fresh.x - at[0], fresh.y - at[1]];
        if (Math.hypot(...rest) > 0.002) {
          at[0] += rest[0] * share;
          at[1] += rest[1] * share;
          moving = true;
        }
        while (trail.length && now - trail[0].at > TRAIL_MS) trail.shift();
        moving ||= trail.length > 1;
      }
      return moving;
    },

    paint(pen, view, now) {
      const shown = [...people.values()].sort((a, b) => b.at[1] - a.at[1]);
      for (const person of shown) paintTrail(pen, view, person, now);
      for (const person of shown) paintEllipse(pen, view, person);
      paintHands(pen, view, hands, shown);
      for (const person of shown) paintDisc(pen, view, person);
      paintLabels(pen, view, shown);
    },

    describe() {
      const names = [...people.values()].map(({ fresh }) =>
        fresh.visit ? `${fresh.shopper}, ${money(fresh.value_cents)}` : "somebody unknown",
      );
      const who = names.length ? `On it: ${names.join("; ")}.` : "Nobody is on it.";
      return `Map of the sales floor. ${who}`;
    },
  };
}

function paintTrail(pen, view, person, now) {
  const { trail, at } = person;
  if (trail.length < 2) return;
  pen.strokeStyle = tone(person);
  pen.lineCap = "butt";
  const points = [...trail.slice(0, -1), { x: at[0], y: at[1], at: now }];
  for (let i = 1; i < points.length; i += 1) {
    const youth = 1 - (now - points[i].at) / TRAIL_MS;
    pen.globalAlpha = Math.max(0, 0.45 * youth);
    pen.lineWidth = 1.5 + 2.5 * Math.max(0, youth);
    pen.beginPath();
    pen.moveTo(view.x(points[i - 1].x), view.y(points[i - 1].y));
    pen.lineTo(view.x(points[i].x), view.y(points[i].y));
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function paintEllipse(pen, view, person) {
  const [long, short, angle] = person.fresh.ellipse;
  pen.beginPath();
  pen.ellipse(
    view.x(person.at[0]),
    view.y(person.at[1]),
    Math.min(long, LARGEST_M) * view.scale,
    Math.min(short, LARGEST_M) * view.scale,
    -angle,
    0,
    2 * Math.PI,
  );
  pen.fillStyle = pen.strokeStyle = tone(person);
  pen.globalAlpha = 0.13;
  pen.fill();
  pen.globalAlpha = 0.5;
  pen.lineWidth = 1;
  pen.stroke();
  pen.globalAlpha = 1;
}

function paintHands(pen, view, hands, shown) {
  const owners = new Map(shown.map((person) => [person.fresh.tracklet, person]));
  for (const [tracklet, x, y] of hands) {
    const person = owners.get(tracklet);
    if (!person) continue;
    pen.strokeStyle = pen.fillStyle = tone(person);
    pen.lineWidth = 2.5;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(view.x(person.at[0]), view.y(person.at[1]));
    pen.lineTo(view.x(x), view.y(y));
    pen.stroke();
    pen.beginPath();
    pen.arc(view.x(x), view.y(y), 4, 0, 2 * Math.PI);
    pen.fill();
  }
}

function paintDisc(pen, view, person) {
  const [x, y] = [view.x(person.at[0]), view.y(person.at[1])];
  const size = radius(view);
  pen.beginPath();
  pen.arc(x, y, size, 0, 2 * Math.PI);
  pen.fillStyle = tone(person);
  pen.fill();
  pen.lineWidth = 2.5;
  pen.strokeStyle = colour("--surface");
  pen.stroke();
  if (person.fresh.doubt > DOUBTFUL) {
    pen.beginPath();
    pen.arc(x, y, size + 4.5, 0, 2 * Math.PI);
    pen.setLineDash([4, 4]);
    pen.lineWidth = 2;
    pen.strokeStyle = colour("--warn");
    pen.stroke();
    pen.setLineDash([]);
  }
  pen.fillStyle = colour("--on-person");
  pen.font = `700 ${Math.round(size * 0.82)}px ${colour("--font")}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(person.fresh.visit ? initials(person.fresh.shopper) : "?", x, y + 0.5);
}
