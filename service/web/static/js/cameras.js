// The camera wall. Pictures are drawn as they come; a click shows one large.

import { el, setText } from "./format.js";

const WORDS = {
  opening: "Connecting",
  stalled: "No new picture",
  frozen: "Picture is frozen",
  wrong_size: "Wrong picture size",
  moved: "Camera was moved",
  covered: "Lens is covered",
  down: "Camera is down",
};
const SILENT_S = 8; // a camera that nobody has spoken of for so long

export function createCameras() {
  const wall = document.getElementById("wall");
  const dialog = document.getElementById("large");
  const title = document.getElementById("large-title");
  const large = document.getElementById("large-picture");
  let views = [];
  let enlarged = -1;
  let down = {};
  let fares = {};

  /** What a camera says of itself; nothing where it never did, as in a simulated store. */
  function show({ id, button, fare }, time_s) {
    const told = fares[id];
    const silent = told && time_s - told.told_s > SILENT_S;
    const state = silent ? "down" : id in down ? (told?.state ?? "down") : "up";
    const bad = silent || id in down;
    button.toggleAttribute("data-down", bad);
    button.dataset.state = bad && state === "up" ? "down" : state;
    button.dataset.word = WORDS[button.dataset.state] ?? "";
    if (!told) return;
    const why = silent ? `nothing heard for ${Math.round(time_s - told.told_s)} s` : told.reason;
    button.title = why || told.note;
    const figures = [`${told.fps.toFixed(0)} fps`, `${Math.round(told.age_s * 1000)} ms old`];
    for (const name of ["dropped", "late", "broken"]) {
      if (told[name]) figures.push(`${told[name]} ${name}`);
    }
    setText(fare, bad ? why : figures.join(" · "));
  }

  dialog.addEventListener("close", () => (enlarged = -1));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  function enlarge(index) {
    if (!views[index].button.hasAttribute("data-live")) return;
    enlarged = index;
    title.textContent = views[index].id;
    dialog.style.setProperty("--aspect", String(views[index].aspect));
    large.width = views[index].canvas.width;
    large.height = views[index].canvas.height;
    large.getContext("2d").drawImage(views[index].canvas, 0, 0);
    dialog.showModal();
  }

  return {
    layout({ cameras }) {
      if (views.map((view) => view.id).join() === cameras.map((camera) => camera.id).join()) return;
      views = cameras.map(({ id, aspect }, index) => {
        const canvas = el("canvas", { width: 640, height: Math.round(640 / aspect) });
        const fare = el("small", { class: "fare" });
        const caption = el("span", { class: "caption", text: id });
        caption.append(fare);
        const button = el(
          "button",
          { class: "view", "data-camera": id, "aria-label": `Enlarge camera ${id}` },
          canvas,
          caption,
        );
        button.addEventListener("click", () => enlarge(index));
        return { id, aspect, canvas, button, fare };
      });
      wall.replaceChildren(...views.map((view) => view.button));
    },
    state({ status, cameras, time_s }) {
      if (status) down = status.down;
      if (cameras) fares = cameras;
      for (const view of views) show(view, time_s);
    },
    async picture(index, blob) {
      const view = views[index];
      if (!view) return;
      let bitmap;
      try {
        bitmap = await createImageBitmap(blob);
      } catch {
        return; // not a picture: the next one will be
      }
      for (const canvas of index === enlarged ? [view.canvas, large] : [view.canvas]) {
        if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
        if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
        canvas.getContext("2d").drawImage(bitmap, 0, 0);
      }
      bitmap.close();
      view.button.setAttribute("data-live", "");
    },
  };
}
