// What happened when, as marks over the scrub bar; errors and reviews can be gone to.

import { el, setText } from "./format.js";

const LANES = 400; // marks of one kind nearer than this share of the bar are one
const TARGETS = new Set(["error", "review"]);
const NEAR_S = 0.75;
const FRESH_S = 4;

/** `place` holds the marks, `note` says what is at the present moment or under the pointer. */
export function createMarks(place, note, go) {
  let all = [];
  let pointed = null;
  let present = null;

  place.addEventListener("pointerover", ({ target }) => point(target.closest("[data-text]")));
  place.addEventListener("pointerleave", () => point(null));
  place.addEventListener("focusin", ({ target }) => point(target.closest("[data-text]")));
  place.addEventListener("focusout", () => point(null));

  function point(node) {
    pointed = node && { kind: node.dataset.kind, text: node.dataset.text };
    say();
  }

  function say() {
    const mark = pointed ?? present;
    note.dataset.kind = mark?.kind ?? "";
    setText(note, mark?.text ?? "");
  }

  return {
    set(marks, duration_s) {
      all = marks;
      const shown = new Map();
      for (const mark of marks) {
        const lane = Math.round((mark.at_s / (duration_s || 1)) * LANES);
        const key = `${mark.kind} ${lane}`;
        if (shown.has(key)) shown.get(key).text += ` · ${mark.text}`;
        else shown.set(key, { ...mark });
      }
      const nodes = [...shown.values()].map(({ kind, text, at_s }) => {
        const target = TARGETS.has(kind);
        const node = el(target ? "button" : "i", {
          "data-kind": kind,
          "data-text": text,
          "aria-label": target ? `Go to ${kind}: ${text}` : null,
          onclick: target ? () => go(at_s) : null,
        });
        node.style.insetInlineStart = `${(100 * at_s) / (duration_s || 1)}%`;
        return node;
      });
      place.replaceChildren(...nodes);
    },

    /** The playhead is here: say the error that is, or else what happened last. */
    at(now_s) {
      let found = null;
      for (const mark of all) {
        if (mark.kind === "error" && Math.abs(mark.at_s - now_s) <= NEAR_S) {
          found = mark;
          break;
        }
        if (mark.kind !== "error" && mark.at_s <= now_s + 1e-6 && now_s - mark.at_s <= FRESH_S) {
          found = mark;
        }
      }
      present = found;
      say();
    },
  };
}
