// Keep the children of a container in step with a list, touching only what changed.

/**
 * `key(item)` names an item for ever; `render(item)` gives its element. An element is made anew
 * only when the item's JSON differs, so that focus, scrolling and animations survive the rest.
 */
export function keyed(container, items, key, render) {
  const old = new Map([...container.children].map((node) => [node.dataset.key, node]));
  let place = container.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const print = JSON.stringify(item);
    let node = old.get(name);
    if (!node || node.keyedPrint !== print) {
      const fresh = render(item, node ?? null);
      fresh.dataset.key = name;
      fresh.keyedPrint = print;
      if (node) {
        if (place === node) place = node.nextElementSibling;
        node.replaceWith(fresh);
      } else {
        fresh.classList.add("arriving");
      }
      node = fresh;
      old.delete(name);
      container.insertBefore(node, place);
    } else {
      old.delete(name);
      if (place === node) place = node.nextElementSibling;
      else container.insertBefore(node, place);
    }
  }
  for (const node of old.values()) node.remove();
}
