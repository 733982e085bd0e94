// The clients of this page: their names, their connections, and their subscriptions to the chat.
import { post } from "./api.js";

const MOST = 160;
const NAMED = 12;
const TEMPORARY = 100; // the error code of a temporary failure
// Options for the SDK's client. The client of direct.js has other delays.
const DELAYS = { minReconnectDelay: 300, maxReconnectDelay: 2000, timeout: 10_000 };

class Member {
  state = "waiting"; // "in", "fallback" or "waiting"
  #spare = null; // an unspent fallback ticket of this client
  #hasTicket = true;
  #failed = false;
  #refused = ""; // the last reason why this client may not join the chat; "" if it may
  #onFallback = false;

  constructor(name, { newClient, chat, notify }) {
    this.name = name;
    this.notify = (kind, more = {}) => notify({ kind, member: this, ...more });
    this.client = newClient({ getData: () => this.#ticket(), ...DELAYS });
    this.#follow();
    if (chat) this.#join(chat);
    this.client.connect();
  }

  // The client gets a ticket before each attempt to connect. docs/fallback.md explains this.
  async #ticket() {
    this.notify("attempt");
    const { ticket, fallback } = await post("/api/ticket", { user: this.name, spare: this.#spare !== null });
    if (fallback && ticket) this.#spare = ticket;
    const token = fallback ? this.#spare : ticket;
    this.#hasTicket = Boolean(token);
    if (!token) throw new Error("no ticket");
    return { token };
  }

  #follow() {
    this.client
      .on("connecting", ({ code, reason }) => this.#connecting(code, reason))
      .on("connected", ({ data }) => this.#connected(data))
      .on("error", ({ error }) => this.#attemptFailed(error))
      .on("disconnected", ({ code, reason }) => this.#disconnected(code, reason));
  }

  #connecting(code, reason) {
    if (this.state === "waiting") return;
    this.#change("waiting");
    if (code > 1) this.notify("lost", { code, reason });
  }

  #connected(data) {
    const degraded = data?.degraded === true;
    if (data?.fallback_path === "pool") this.#spare = null; // the fallback ticket is spent
    this.#failed = false;
    this.#change(degraded ? "fallback" : "in");
    this.notify(degraded ? "fallback" : this.#onFallback ? "back" : "in");
    this.#onFallback = degraded;
  }

  #attemptFailed(error) {
    if (this.state !== "waiting") return;
    const why = !this.#hasTicket ? "no ticket" : error.code === TEMPORARY ? "later" : "failed";
    this.notify("attempt failed", { first: !this.#failed, why });
    this.#failed = true;
  }

  #disconnected(code, reason) {
    this.#change("waiting");
    if (code > 1) this.notify("ended", { code, reason });
  }

  #change(state) {
    this.state = state;
    this.notify("change");
  }

  #join(channel) {
    const subscription = this.client.newSubscription(channel, { minResubscribeDelay: 400, maxResubscribeDelay: 1500 });
    subscription
      .on("subscribed", () => this.#joined())
      .on("error", ({ error }) => this.#notJoined(error))
      .on("unsubscribed", ({ code, reason }) => code > 1 && this.#notJoined({ code, message: reason }, subscription))
      .on("publication", ({ data, info }) => this.notify("publication", { data, sender: info?.user }));
    subscription.subscribe();
  }

  #joined() {
    if (this.#refused) this.notify("joined");
    this.#refused = "";
  }

  // A permanent refusal ends the subscription. The page subscribes again after a pause, so that the client joins the chat
  // when a parent unlocks it.
  #notJoined({ message }, ended = null) {
    if (ended) setTimeout(() => ended.subscribe(), 1500);
    if (!message || message === this.#refused || message.includes("timeout")) return;
    this.#refused = message;
    this.notify("not joined", { message });
  }
}

export class Members {
  all = [];
  #nextVisitor = 1;
  #people;
  #environment;

  constructor(people, environment) {
    this.#people = people;
    this.#environment = environment;
  }

  get free() {
    return MOST - this.all.length;
  }

  // Connects one more client: first each user of the demonstration, and after that visitors. Up to NAMED clients join the
  // chat, and the page shows their names beside their icons.
  connectOne() {
    if (this.free < 1) return;
    const name = this.#people[this.all.filter((member) => this.#people.includes(member.name)).length];
    const isNamed = name !== undefined || this.all.filter((member) => member.isNamed).length < NAMED;
    this.#add(name ?? this.#visitor(), isNamed);
  }

  connectMany(number) {
    for (let each = 0; each < Math.min(number, this.free + each); each++) this.#add(this.#visitor(), false);
  }

  reconnect() {
    for (const { client } of this.all) client.disconnect();
    for (const { client } of this.all) client.connect();
  }

  disconnect() {
    const members = this.all;
    this.all = [];
    for (const { client } of members) client.disconnect();
    this.#environment.notify({ kind: "change" });
    this.#environment.notify({ kind: "all left", number: members.length });
  }

  numbers() {
    const numbers = { in: 0, fallback: 0, waiting: 0 };
    for (const member of this.all) numbers[member.state]++;
    return numbers;
  }

  #visitor() {
    return `visitor-${this.#nextVisitor++}`;
  }

  #add(name, isNamed) {
    const { newClient, chat, notify } = this.#environment;
    const member = new Member(name, { newClient, notify, chat: isNamed ? chat : null });
    member.isNamed = isNamed;
    this.all.push(member);
    notify({ kind: "change", member });
  }
}
