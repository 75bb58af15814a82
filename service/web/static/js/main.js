// Puts the page together: every part is given the layout and each change of state.

import { createCameras } from "./cameras.js";
import { createCarts } from "./carts.js";
import { createControls } from "./controls.js";
import { createCount } from "./count.js";
import { createFeed } from "./feed.js";
import { createFloor } from "./floor.js";
import { createHeader } from "./header.js";
import { connect } from "./link.js";
import { setCurrency } from "./format.js";
import { createReceipts } from "./receipts.js";
import { createReviews } from "./reviews.js";
import { createStock } from "./stock.js";

const cameras = createCameras();
const count = createCount();
const header = createHeader();
const controls = createControls();
const parts = [
  header,
  createFloor(count),
  createStock(count),
  cameras,
  createCarts(),
  createReviews(),
  createReceipts(),
  createFeed(),
];

connect({
  open() {
    header.linked(true);
  },
  lost() {
    header.linked(false);
  },
  message(content) {
    if (content.type === "layout") {
      setCurrency(content.store.currency);
      for (const part of parts) part.layout?.(content);
    } else if (content.type === "state") {
      if (content.anew) for (const part of parts) part.forget?.();
      for (const part of parts) part.state?.(content);
    } else if (content.type === "controls") {
      controls?.told(content);
    }
  },
  picture: cameras.picture,
});
