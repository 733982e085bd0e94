// The timeline of events, newest first.
import { element, icon, trim } from "./dom.js";

const KEPT = 120;
// Events of the same kind share a line if they follow each other within this time.
const PAUSE_MS = 3000;
const ICONS = { good: "good", bad: "bad", warning: "warning", news: "news", fallback: "ticket" };

// For each kind of event: the kind of the line, and the text after the name or the number of clients.
const CLIENT_LINES = {
  in: ["good", "connected: identity knows the ticket"],
  back: ["good", "connected by identity again, without a fallback ticket"],
  fallback: ["fallback", "accepted on a fallback ticket, marked as degraded"],
  later: ["warning", "asked to try again later"],
  "no ticket": ["bad", "waiting: no fallback ticket is left"],
  failed: ["warning", "waiting: there was no answer in time"],
  expired: ["news", "connecting again: the connection expired"],
  lost: ["news", "connecting again: the connection was lost"],
};

export class Timeline {
  #list;
  #gathered = new Map(); // by kind: the line, its number of clients, and the time of its last event

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

  // Adds an event of a client: to the last line of this kind if that is recent, else as a new line.
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
