// The top of the page: status, figures, clock, and the banners for a lost link or devices down.

import { clock, money, setText } from "./format.js";

const WORDS = {
  UP: "Up",
  DEGRADED: "Degraded",
  "ENTRY CLOSED": "Entry closed",
  STARTING: "Starting",
};

export function createHeader() {
  const at = (id) => document.getElementById(id);
  let status = { state: "STARTING", down: {} };
  let linked = false;

  function showStatus() {
    const node = at("status");
    node.dataset.state = linked ? status.state : "LOST";
    setText(node, linked ? (WORDS[status.state] ?? status.state) : "Offline");
    document.documentElement.dataset.link = linked ? "up" : "lost";
    const down = Object.entries(status.down);
    const closed = status.closed ? [status.closed] : [];
    at("trouble").hidden = down.length === 0;
    setText(
      at("trouble"),
      [
        ...closed,
        ...down.map(([device, why]) => `${device} is down${why ? `: ${why}` : ""}`),
      ].join("  ·  "),
    );
  }

  return {
    linked(up) {
      linked = up;
      at("lost").hidden = up;
      if (!up) setText(at("lost"), "Connection lost. What you see is old; trying again …");
      showStatus();
    },
    state({ time_s, status: fresh, carts, totals, metrics }) {
      setText(at("clock"), clock(time_s));
      if (fresh) {
        status = fresh;
        showStatus();
      }
      if (carts) {
        setText(
          at("figure-shoppers"),
          String(carts.filter((cart) => cart.state === "shopping").length),
        );
        setText(at("figure-open"), money(carts.reduce((sum, cart) => sum + cart.total_cents, 0)));
      }
      if (totals) setText(at("figure-billed"), money(totals.billed_cents));
      if (metrics) {
        const { lag_s: lag, ...others } = metrics;
        setText(at("figure-lag"), lag === undefined ? "–" : `${lag.toFixed(1)} s`);
        setText(at("vitals"), Object.entries(others).map(vital).join(" · "));
      }
    },
  };
}

/** A figure by its name: `load` is a share, `…_per_s` a rate, `…_s` a time. */
function vital([name, value]) {
  const words = name.replaceAll("_", " ");
  if (name === "load") return `load ${Math.round(value * 100)} %`;
  if (name.endsWith("_per_s")) return `${Math.round(value)} ${words.slice(0, -6)}/s`;
  if (name.endsWith("_s")) return `${words.slice(0, -2)} ${value.toFixed(1)} s`;
  return `${words} ${Math.round(value * 100) / 100}`;
}
