// What happened, in words; the newest is on top.
import { element, icon, trim } from "./dom.js";

const KEPT = 120;
// What happens to many clients one after the other becomes one line, until it has paused for so long.
const PAUSE_MS = 3000;
const ICONS = { good: "good", bad: "bad", warning: "warning", news: "news", fallback: "ticket" };

// For each kind of event: the kind of the line, and what is said after the name or the number of clients.
const CLIENT_LINES = {
  in: ["good", "connected: identity knows the ticket"],
  back: ["good", "back, without the fallback"],
  fallback: ["fallback", "let in on a fallback ticket, marked as degraded"],
  later: ["warning", "asked to try again later"],
  "no ticket": ["bad", "waiting: no fallback ticket is left"],
  failed: ["warning", "waiting: nothing answered in time"],
  expired: ["news", "connecting again: the time of the connection is over"],
  lost: ["news", "connecting again: the connection was lost"],
};

export class Timeline {
  #list;
  #gathered = new Map(); // by kind: the line, how many clients it is about, and when it was written

  constructor(list) {
    this.#list = list;
  }

  // Adds a line, and returns the place of its text.
  add(kind, text, atMs = Date.now()) {
    const at = new Date(atMs);
    const time = element("time", { datetime: at.toISOString() }, at.toLocaleTimeString("en-GB"));
    const place = element("span", {}, text);
    this.#list.prepend(element("li", { class: kind }, icon(ICONS[kind]), time, place));
    trim(this.#list, KEPT);
    return place;
  }

  // One of the client lines. It is added to the last one of this kind if that is recent.
  gather(kind, name) {
    const [lineKind, what] = CLIENT_LINES[kind];
    const last = this.#gathered.get(kind);
    if (last && Date.now() - last.atMs < PAUSE_MS) {
      Object.assign(last, { number: last.number + 1, atMs: Date.now() });
      last.place.textContent = `${last.number} clients are ${what}.`;
    } else {
      this.#gathered.set(kind, { place: this.add(lineKind, `${name} is ${what}.`), number: 1, atMs: Date.now() });
    }
  }
}
