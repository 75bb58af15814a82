// The bar under a replay: play, pause, steps, speed, and the whole recording to scrub through.

import { countFrom, el, moment, setText } from "./format.js";
import { createMarks } from "./marks.js";
import { post } from "./post.js";

const KEYS = {
  " ": () => ({ action: "toggle" }),
  ArrowLeft: (event) => step(event.shiftKey ? "event" : "moment", true),
  ArrowRight: (event) => step(event.shiftKey ? "event" : "moment"),
  e: () => step("error"),
  E: () => step("error", true),
};
const DEEP = /^#t=([0-9]+(?:\.[0-9]+)?)$/;
const LATE_S = 0.4; // a report may be this old: then it is behind, and no jump back

const step = (by, back = false) => ({ action: "step", by, back });

/** Null on the page of a running store, which has no such bar. */
export function createControls() {
  const bar = document.getElementById("controls");
  if (!bar) return null;
  countFrom(Number(bar.dataset.start));
  const at = (id) => document.getElementById(`controls-${id}`);
  const scrub = at("scrub");
  const marks = createMarks(at("marks"), at("note"), (at_s) => ask({ action: "seek", at_s }, true));
  let now = { position_s: 0, duration_s: 0, playing: false, speed: 1 };
  let shown_s = 0;
  let told_at = 0;
  const waiting = []; // what is asked next, once the answer to the last is here
  let asking = false;
  let dragging = false;

  bar.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-do]");
    if (!button) return;
    const [action, by, back] = button.dataset.do.split(" ");
    ask(action === "step" ? step(by, back === "back") : { action }, true);
  });
  at("speed").addEventListener("change", ({ target }) => {
    ask({ action: "speed", speed: target.value === "max" ? null : Number(target.value) });
  });
  scrub.addEventListener("input", () => {
    dragging = true;
    show(Number(scrub.value));
    ask({ action: "seek", at_s: shown_s }, true);
  });
  scrub.addEventListener("change", () => (dragging = false));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("dialog")) return;
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === " " && event.target.closest("button, summary")) return;
    const command = KEYS[event.key]?.(event);
    if (!command) return;
    event.preventDefault();
    ask(command, true);
  });
  addEventListener("hashchange", follow);
  requestAnimationFrame(frame);
  follow();

  /** Go to the moment that the address names, and stay there. */
  function follow() {
    const at_s = Number(DEEP.exec(location.hash)?.[1] ?? NaN);
    if (!Number.isFinite(at_s)) return;
    ask({ action: "pause" });
    ask({ action: "seek", at_s }, true);
  }

  /**
   * Steer, one command after the other; a later seek takes the place of one that still waits.
   * The address then names the moment where it `stays`, if it does.
   */
  async function ask(command, stays = false) {
    if (asking) {
      if (command.action === "seek" && waiting.at(-1)?.[0].action === "seek") waiting.pop();
      waiting.push([command, stays]);
      return;
    }
    asking = true;
    try {
      const action = command.action === "toggle" ? (now.playing ? "pause" : "play") : command.action;
      take(await post("/api/v1/replay", { ...command, action }));
      if (!now.playing && stays) remember();
    } catch (error) {
      setText(at("note"), error.message);
    }
    asking = false;
    if (waiting.length) await ask(...waiting.shift());
  }

  /** Name the moment in the address, so that it can be sent to somebody. */
  function remember() {
    history.replaceState(null, "", `#t=${now.position_s}`);
  }

  function take(content) {
    now = { ...now, ...content };
    told_at = performance.now();
    scrub.max = String(now.duration_s);
    bar.dataset.playing = now.playing ? "yes" : "no";
    at("play").setAttribute("aria-label", now.playing ? "Pause" : "Play");
    const speed = now.speed === null ? "max" : String(now.speed);
    if (![...at("speed").options].some(({ value }) => value === speed)) {
      at("speed").prepend(el("option", { value: speed, text: `${speed} ×` }));
    }
    at("speed").value = speed;
    setText(at("length"), moment(now.duration_s));
    if (content.marks) {
      marks.set(content.marks, now.duration_s);
      showErrors(content);
      setText(at("name"), content.name);
      setText(at("changed"), content.changed.join(" · "));
      at("changed").hidden = content.changed.length === 0;
    }
    const ahead_s = shown_s - now.position_s;
    const late = now.playing && ahead_s > 0 && ahead_s < LATE_S * Math.max(1, now.speed ?? 0);
    if (!dragging && !waiting.length && !late) show(now.position_s);
  }

  function showErrors({ truth, whole, marks: all }) {
    const errors = new Set(all.filter(({ kind }) => kind === "error").map(({ at_s }) => at_s)).size;
    const button = at("error");
    button.hidden = !truth;
    button.disabled = errors === 0;
    const words = errors === 0 ? "No errors" : `${errors} error${errors === 1 ? "" : "s"} ›`;
    setText(button, whole ? words : "Errors …");
  }

  function show(at_s) {
    shown_s = Math.min(Math.max(at_s, 0), now.duration_s);
    setText(at("at"), moment(shown_s));
    if (!dragging) scrub.value = String(shown_s);
    scrub.setAttribute("aria-valuetext", moment(shown_s));
    const share = now.duration_s ? shown_s / now.duration_s : 0;
    scrub.style.setProperty("--done", `${100 * share}%`);
    marks.at(shown_s);
  }

  /** Between two reports the bar goes on by itself. */
  function frame(time) {
    requestAnimationFrame(frame);
    if (!now.playing || dragging || now.speed === null) return;
    const ahead = now.position_s + (Math.min(time - told_at, 300) / 1000) * now.speed;
    if (ahead > shown_s) show(ahead);
  }

  return { told: take };
}
