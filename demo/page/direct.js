// A client that does not use Centrifugo. The page's server sends the service the requests that Centrifugo would send.
// The class has those methods and events of the SDK's client that members.js uses.
import { post } from "./api.js";

const LONGEST_DELAY_MS = 2000;
const LEAST_TTL_MS = 1000;
const REFRESH_RETRY_S = 2;

class Emitter {
  #listeners = {};

  on(event, listener) {
    (this.#listeners[event] ??= []).push(listener);
    return this;
  }

  emit(event, context = {}) {
    for (const listener of this.#listeners[event] ?? []) listener(context);
  }
}

// A random delay that grows with the number of attempts, like that of the SDK.
const delay = (attempt) => 100 + Math.random() * Math.min(LONGEST_DELAY_MS, 300 * 2 ** attempt);
const lifeOf = (expireAt) => Math.max(LEAST_TTL_MS, expireAt * 1000 - Date.now());

export class DirectClient extends Emitter {
  #getData;
  #timer = 0;
  #attempt = 0;
  #id = null;
  #generation = 0;
  #subscriptions = new Map();

  constructor({ getData }) {
    super();
    this.#getData = getData;
  }

  connect() {
    this.emit("connecting", { code: 0, reason: "connect called" });
    this.#try(++this.#generation);
  }

  disconnect() {
    this.#end();
    this.emit("disconnected", { code: 0, reason: "disconnect called" });
  }

  newSubscription(channel) {
    const subscription = new DirectSubscription(this, channel);
    this.#subscriptions.set(channel, subscription);
    return subscription;
  }

  async publish(channel, data) {
    const answer = await this.ask("publish", { channel, data });
    if (answer.error) throw answer.error;
  }

  // Returns the service's answer about this client, or error 100 if the client is not connected.
  async ask(event, fields = {}) {
    if (this.#id === null) return { error: { code: 100, message: "not connected" } };
    return post(`/api/direct/${event}`, { client: this.#id, ...fields });
  }

  hear(publication) {
    this.#subscriptions.get(publication.channel)?.hear(publication);
  }

  async #try(generation) {
    const answer = await this.#ask();
    if (generation !== this.#generation) return; // the client was disconnected in the meantime
    if (answer.connected) return this.#connected(answer.connected);
    this.emit("error", { type: "connect", error: answer.error ?? { code: answer.disconnect.code, message: answer.disconnect.reason } });
    this.#timer = setTimeout(() => this.#try(generation), delay(this.#attempt++));
  }

  async #ask() {
    try {
      return await post("/api/direct/connect", await this.#getData());
    } catch (error) {
      return { error: { code: 0, message: error.message } };
    }
  }

  #connected({ client, data, expire_at: expireAt }) {
    this.#attempt = 0;
    this.#id = client;
    this.emit("connected", { client, data });
    this.#refreshLater(expireAt);
    for (const subscription of this.#subscriptions.values()) subscription.renew();
  }

  #refreshLater(expireAt) {
    if (expireAt) this.#timer = setTimeout(() => this.#refresh(), lifeOf(expireAt));
  }

  async #refresh() {
    const generation = this.#generation;
    const answer = await this.ask("refresh").catch(() => ({ error: {} }));
    if (generation !== this.#generation) return;
    if (answer.disconnect) return this.#lost(answer.disconnect);
    // If there is no answer, the connection continues, like a connection to Centrifugo.
    this.#refreshLater(answer.connected?.expire_at ?? Date.now() / 1000 + REFRESH_RETRY_S);
  }

  #lost({ code, reason }) {
    this.#end(false);
    this.emit("connecting", { code, reason });
    this.#try(++this.#generation);
  }

  #end(tell = true) {
    this.#generation++;
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions.values()) subscription.pause();
    if (tell && this.#id !== null) post("/api/direct/leave", { client: this.#id }).catch(() => {});
    this.#id = null;
  }
}

class DirectSubscription extends Emitter {
  #timer = 0;
  #attempt = 0;
  #joined = false;
  #client;

  constructor(client, channel) {
    super();
    this.#client = client;
    this.channel = channel;
  }

  subscribe() {} // does nothing, because DirectClient subscribes when it is connected

  hear({ data, user }) {
    if (this.#joined) this.emit("publication", { data, info: { user } });
  }

  pause() {
    clearTimeout(this.#timer);
    this.#joined = false;
  }

  async renew() {
    clearTimeout(this.#timer);
    const answer = await this.#client.ask("subscribe", { channel: this.channel }).catch(() => ({ error: { temporary: true } }));
    if (answer.subscribed) return this.#stay(answer.subscribed.expire_at);
    if (this.#joined) this.emit("subscribing", { code: 2501, reason: "subscription expired" });
    const wasJoined = this.#joined;
    this.#joined = false;
    if (answer.expired && wasJoined) return this.renew();
    this.emit("error", { error: answer.error ?? { code: 100, message: "internal server error" } });
    this.#timer = setTimeout(() => this.renew(), delay(this.#attempt++) + 500);
  }

  #stay(expireAt) {
    if (!this.#joined) this.emit("subscribed", {});
    this.#joined = true;
    this.#attempt = 0;
    if (expireAt) this.#timer = setTimeout(() => this.renew(), lifeOf(expireAt));
  }
}
