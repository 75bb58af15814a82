// The one WebSocket to the store: reconnects by itself and says when it is lost.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

/** `on` has open(), lost(), message(content) for JSON and picture(index, blob) → Promise. */
export function connect(on) {
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
  let wait = FIRST_WAIT_MS;

  function open() {
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      wait = FIRST_WAIT_MS;
      on.open();
    });
    socket.addEventListener("message", async ({ data }) => {
      if (typeof data === "string") {
        on.message(JSON.parse(data));
        return;
      }
      const index = new Uint8Array(data, 0, 1)[0];
      await on.picture(index, new Blob([data.slice(1)], { type: "image/jpeg" }));
      if (socket.readyState === WebSocket.OPEN) socket.send(String(index));
    });
    socket.addEventListener("close", () => {
      on.lost();
      setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    });
  }

  open();
}
