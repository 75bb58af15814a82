// How numbers, money and times read, and a short way to make elements.

let money_format = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });

export function setCurrency(currency) {
  money_format = new Intl.NumberFormat("en", { style: "currency", currency });
}

/** Integer minor units of the store's currency as text. */
export function money(minor) {
  const digits = money_format.resolvedOptions().maximumFractionDigits;
  return money_format.format(minor / 10 ** digits);
}

/** A probability rounded down, so that doubt never reads as certainty. */
export function percent(probability) {
  return `${Math.min(99, Math.floor(probability * 100 + 1e-9))} %`;
}

/** Store time: the time of day, or minutes and seconds where the clock began at zero. */
export function clock(seconds, withSeconds = true) {
  if (seconds > 1e9) {
    const options = { hour: "2-digit", minute: "2-digit", hour12: false };
    if (withSeconds) options.second = "2-digit";
    return new Intl.DateTimeFormat("en-GB", options).format(seconds * 1000);
  }
  const whole = Math.floor(seconds);
  return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}

let start_s = null;

/** From now on `when` counts from this store time: the beginning of what is replayed. */
export function countFrom(seconds) {
  start_s = seconds;
}

/** Store time as the page tells it: as `clock` does, on a replay as the bar under it. */
export function when(seconds, withSeconds = true) {
  return start_s === null ? clock(seconds, withSeconds) : moment(Math.max(0, seconds - start_s));
}

/** Seconds of a recording as minutes, seconds and tenths, rounded down like a clock. */
export function moment(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-5);
  const [minutes, rest] = [Math.floor(tenths / 600), tenths % 600];
  const two = (n) => String(n).padStart(2, "0");
  return `${two(minutes)}:${two(Math.floor(rest / 10))}.${rest % 10}`;
}

export function units(count, noun = "item") {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  return ((words[0]?.[0] ?? "?") + (words.length > 1 ? words.at(-1)[0] : "")).toUpperCase();
}

/** An element; `class`, `text`, `data-*`, `aria-*` and listeners (`onclick`) by name. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The number of colours that shoppers share; see tokens.css. */
export const COLOURS = 8;

export function disc(name, colour) {
  return el("span", {
    class: "disc",
    "data-colour": colour === null ? null : colour % COLOURS,
    "aria-hidden": "true",
    text: initials(name),
  });
}
