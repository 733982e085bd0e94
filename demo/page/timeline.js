// The timeline of events, newest first.
import { element, icon, trim } from "./dom.js";

const KEPT = 120;
// Events of the same kind share a line if they follow each other within this time.
const PAUSE_MS = 3000;
const ICONS = { good: "good", bad: "bad", warning: "warning", news: "news", fallback: "ticket" };

// For each kind of event: the kind of the line, and the text after the name or the number of clients.
const CLIENT_LINES = {
  in: ["good", "connected: identity knows the ticket"],
  back: ["good", "connected without a fallback ticket again"],
  fallback: ["fallback", "accepted on a fallback ticket, marked as degraded"],
  later: ["warning", "asked to try again later"],
  "no ticket": ["bad", "waiting: no fallback ticket is left"],
  failed: ["warning", "waiting: the attempt to connect failed"],
  expired: ["news", "connecting again: the connection expired"],
  lost: ["news", "connecting again: the connection was lost"],
};

export class Timeline {
  #list;
  // By kind: the element that shows the text, the names of the clients, and the time of the last event.
  #gathered = new Map();

  constructor(list) {
    this.#list = list;
  }

  // Adds a line, and returns the element that shows its text.
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
      last.names.add(name);
      last.atMs = Date.now();
      if (last.names.size > 1) last.place.textContent = `${last.names.size} clients are ${what}.`;
    } else {
      const place = this.add(lineKind, `${name} is ${what}.`);
      this.#gathered.set(kind, { place, names: new Set([name]), atMs: Date.now() });
    }
  }
}
