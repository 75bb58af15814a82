// The camera wall. Pictures are drawn as they come; a click shows one large.

import { el } from "./format.js";

export function createCameras() {
  const wall = document.getElementById("wall");
  const dialog = document.getElementById("large");
  const title = document.getElementById("large-title");
  const large = document.getElementById("large-picture");
  let views = [];
  let enlarged = -1;

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
        const caption = el("span", { class: "caption", text: id });
        const button = el(
          "button",
          { class: "view", "data-camera": id, "aria-label": `Enlarge camera ${id}` },
          canvas,
          caption,
        );
        button.addEventListener("click", () => enlarge(index));
        return { id, aspect, canvas, button };
      });
      wall.replaceChildren(...views.map((view) => view.button));
    },
    state({ status }) {
      if (!status) return;
      for (const { id, button } of views) button.toggleAttribute("data-down", id in status.down);
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
