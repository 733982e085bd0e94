// Shows the messages of the family's chat that the page's clients receive.
import { count, element, icon, trim } from "./dom.js";

const KEPT = 60;
const REMEMBERED = 100;
const SAME_MS = 2000;

export class Chat {
  #list;
  #heard = new Map(); // for each message: the number of clients that received it, the element that shows this number, the time

  constructor(list) {
    this.#list = list;
  }

  // Every subscribed client receives a message, but the page shows the message only once. A message without an id is
  // taken for the same message if it has the same sender and text and arrives within two seconds.
  hear({ data, sender }) {
    const text = typeof data === "string" ? data : String(data?.text ?? JSON.stringify(data));
    const id = data?.id;
    const key = id ?? `${sender}: ${text}`;
    const known = this.#heard.get(key);
    if (known && (id != null || Date.now() - known.at < SAME_MS)) {
      known.number++;
      known.place.textContent = `received by ${count(known.number, "client")}`;
      return;
    }
    const place = element("small", {}, "received by 1 client");
    this.#remember(key, { number: 1, place, at: Date.now() });
    this.#add(element("li", {}, element("small", {}, sender ?? "the server"), text, place));
  }

  note(text, kind = "") {
    this.#add(element("li", { class: `note ${kind}` }, icon(kind === "bad" ? "bad" : "news"), element("span", {}, text)));
  }

  #remember(key, value) {
    this.#heard.set(key, value);
    if (this.#heard.size > REMEMBERED) this.#heard.delete(this.#heard.keys().next().value);
  }

  #add(item) {
    this.#list.append(item);
    trim(this.#list, KEPT, "firstElementChild");
    const place = this.#list.parentElement;
    place.scrollTop = place.scrollHeight;
  }
}
