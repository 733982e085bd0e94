// Draws the four parts: their states, and dots that move for the calls between them.
import { count, element, find, write } from "./dom.js";

const MOST_DOTS = 14;
const SPREAD_MS = 420;
const ANSWER_MS = 550;

const SERVICE_WORDS = {
  starting: ["idle", "starting"],
  well: ["good", "identity decides"],
  failing: ["warning", "asks clients to try again"],
  outage: ["warning", "accepts fallback tickets"],
  recovering: ["warning", "asks identity again"],
  gone: ["bad", "has ended"],
};
const IDENTITY_WORDS = {
  up: ["good", "answers"],
  hanging: ["warning", "does not answer calls"],
  down: ["bad", "refuses connections"],
};

const still = matchMedia("(prefers-reduced-motion: reduce)");

export function showParts({ phase, identity, health }) {
  tone("service", ...SERVICE_WORDS[phase]);
  tone("identity", ...IDENTITY_WORDS[identity]);
  find("edge-back").dataset.tone = IDENTITY_WORDS[identity][0];
  for (const button of document.querySelectorAll("[data-identity]")) {
    button.setAttribute("aria-pressed", String(button.dataset.identity === identity));
  }
  if (health) showPool(health.fallback_pool);
}

export function showClients({ in: own, fallback, waiting }, isDirect) {
  const connected = own + fallback;
  if (!isDirect) tone("centrifugo", connected ? "good" : "idle", connected ? `has ${count(connected, "connection")}` : "asks the service about each client");
  const words = connected ? `${connected} connected` : waiting ? `${count(waiting, "client")} waiting` : "none yet";
  const kind = fallback ? "warning" : connected ? "good" : waiting ? "warning" : "idle";
  tone("clients", kind, fallback ? `${words}, ${fallback} degraded` : words);
}

function tone(node, kind, words) {
  find(`node-${node}`).dataset.tone = kind;
  write(find(`${node}-state`), words);
}

function showPool({ size, initial_size: initial }) {
  const cells = find("pool-cells");
  if (cells.childElementCount !== initial) {
    cells.replaceChildren(...Array.from({ length: initial }, () => element("span")));
  }
  [...cells.children].forEach((cell, index) => cell.classList.toggle("spent", index >= size));
  write(find("pool-count"), `${size} of ${initial}`);
}

// Sends a dot for each call that the service has counted since the last sample.
export function showCalls({ outcomes, events, answered, unanswered }) {
  for (const [outcome, number] of Object.entries(outcomes)) {
    send("edge-middle", number);
    send("edge-middle", number, `back ${outcome}`, ANSWER_MS);
  }
  send("edge-middle", Math.min(events, 3), "small");
  send("edge-back", answered);
  send("edge-back", answered, "back in", ANSWER_MS);
  send("edge-back", unanswered, "lost");
}

export function send(edge, number, kind = "", afterMs = 0) {
  if (still.matches || document.hidden) return;
  const place = find(edge);
  const room = MOST_DOTS - place.querySelectorAll(".dot").length;
  for (let each = 0; each < Math.min(number, room); each++) {
    const dot = element("span", { class: `dot ${kind}` });
    dot.style.animationDelay = `${afterMs + Math.random() * SPREAD_MS}ms`;
    dot.addEventListener("animationend", () => dot.remove());
    place.append(dot);
  }
}
