// A small form to tell what a facing really holds.

import { post, rememberActor } from "./post.js";

/** Returns `open({ facing, name, units })`; null where the page may only read. */
export function createCount() {
  const dialog = document.getElementById("count");
  if (!dialog) return null;
  const field = (name) => dialog.querySelector(`[name="${name}"]`);
  const note = dialog.querySelector(".note");
  const title = document.getElementById("count-title");
  let facing = "";

  rememberActor(field("actor"));
  dialog.querySelector(".plain").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await post("/api/v1/counts", {
        facing,
        units: field("units").valueAsNumber,
        actor: field("actor").value.trim(),
      });
      dialog.close();
    } catch (error) {
      note.textContent = `Not sent: ${error.message}`;
    }
  });

  return (place) => {
    facing = place.facing;
    title.textContent = `${place.name} on ${facing}`;
    field("units").value = String(Math.max(0, place.units));
    note.textContent = "";
    dialog.showModal();
    field("units").select();
  };
}
