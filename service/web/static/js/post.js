// What a person tells the engine: who they are, and sending it.

const ACTOR_KEY = "openaisle.actor";

/** Keep what stands in `input` as the person's name, on this device and for every form. */
export function rememberActor(input) {
  input.value = localStorage.getItem(ACTOR_KEY) || input.value;
  input.addEventListener("change", () => localStorage.setItem(ACTOR_KEY, input.value));
}

/** Send JSON; the answer, or an Error with the server's own words where it is refused. */
export async function post(path, body) {
  const reply = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.detail ?? reply.statusText);
  return answer;
}
