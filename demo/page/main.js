// The page's main script. It polls the server for new data, and passes the data to the other scripts.
import { get, load, post } from "./api.js";
import { send, showCalls, showClients, showParts } from "./chain.js";
import { Charts } from "./charts.js";
import { Chat } from "./chat.js";
import { DirectClient } from "./direct.js";
import { count, element, find, icon, write } from "./dom.js";
import { Members } from "./members.js";
import { Timeline } from "./timeline.js";
import { headline } from "./words.js";

const INTERVAL_MS = 500;
const CROWD = 50;
const SENDERS = 20;
const SILENT_TURNS = 4; // polls without an answer before the page reports that make run has ended
const EXPIRED = 3005;
const STATE_ICONS = { in: "good", fallback: "ticket", waiting: "wait" };

const timeline = new Timeline(find("timeline"));
const chat = new Chat(find("messages"));
const charts = new Charts();
const seen = { samples: 0, timeline: 0, publications: 0 };
let state = { phase: "starting", identity: "up", tickets: null, window_s: 0 };
let members;
let isFresh = true; // true until the first data arrives: the first samples are drawn in the charts, but without dots
let isPlanned = false;
let isDirect = false;

async function start() {
  const setup = await get("/api/setup");
  state.window_s = setup.window_s;
  if (setup.centrifugo) await load("/sdk/centrifuge.js");
  isDirect = !setup.centrifugo;
  showMode(setup);
  const newClient = (options) => (setup.centrifugo ? new globalThis.Centrifuge(setup.centrifugo, options) : new DirectClient(options));
  members = new Members(setup.people, { newClient, chat: setup.chat, notify });
  wireButtons(setup);
  showMembers();
  turn(0);
}

function showMode({ centrifugo, why_direct: why }) {
  const [strong, rest] = centrifugo
    ? ["Through Centrifugo.", "Each client is Centrifugo’s own JavaScript SDK with its own WebSocket."]
    : ["Without Centrifugo.", `The page’s server itself sends requests to the service, like Centrifugo. ${why}`];
  find("mode").replaceChildren(element("strong", {}, strong), ` ${rest}`);
  if (centrifugo) return;
  write(find("centrifugo-state"), "not used: the page’s server calls the service");
  find("node-centrifugo").dataset.tone = "idle";
}

async function turn(silent) {
  try {
    take(await get(`/api/state?after=${seen.samples},${seen.timeline},${seen.publications}`));
    silent = 0;
  } catch {
    silent++;
    if (silent === SILENT_TURNS) gone();
  }
  setTimeout(turn, INTERVAL_MS, silent);
}

function gone() {
  state.phase = "gone";
  showParts(state);
  showHeadline();
}

function take({ samples, timeline: lines, publications, ...news }) {
  Object.assign(state, news, { tickets: news.health?.fallback_pool.size ?? null });
  for (const [name, items] of Object.entries({ samples, timeline: lines, publications })) {
    seen[name] = items.at(-1)?.seq ?? seen[name];
  }
  for (const { kind, text, at_ms: at } of lines) timeline.add(kind, text, at);
  for (const publication of publications) for (const { client } of members.all) client.hear?.(publication);
  if (!isFresh) samples.forEach(showCalls);
  isFresh = false;
  charts.add(samples, state.health?.fallback_pool);
  charts.draw();
  showParts(state);
  showLock();
  showHeadline();
}

function showHeadline() {
  const [name, title, rest] = headline(state, members.numbers());
  document.body.dataset.phase = state.phase;
  find("banner-icon").setAttribute("href", `#i-${name}`);
  write(find("headline"), title);
  write(find("subline"), rest);
  for (const step of document.querySelectorAll("[data-step]")) {
    if (step.dataset.step === state.phase) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  }
}

function showLock() {
  find("lock").setAttribute("aria-pressed", String(state.chat_locked));
  write(find("lock").lastElementChild, state.chat_locked ? "Unlock the child’s chat" : "Lock the child’s chat");
}

// Handles an event that a client reports.
function notify(event) {
  const { kind, member } = event;
  if (kind === "change") return planMembers();
  if (kind === "attempt") return send("edge-front", 1);
  if (kind === "publication") return chat.hear(event);
  if (kind in REPORTS) REPORTS[kind](member, event);
}

const REPORTS = {
  in: (member) => arrived(member, "in", "in"),
  back: (member) => arrived(member, "back", "in"),
  fallback: (member) => arrived(member, "fallback", "fallback"),
  "attempt failed": (member, { first, why }) => {
    send("edge-front", 1, "back later");
    if (first) timeline.gather(why, member.name);
  },
  lost: (member, { code }) => timeline.gather(code === EXPIRED ? "expired" : "lost", member.name),
  ended: (member, { code, reason }) => timeline.add("bad", `${member.name} is permanently disconnected: ${code} ${reason}.`),
  joined: (member) => chat.note(`${member.name} is in the chat again.`),
  "not joined": (member, { message }) => {
    chat.note(`${member.name} may not join the chat: ${message}.`, "bad");
    timeline.add("warning", `${member.name} may not join the chat: ${message}.`);
  },
  "all left": (_, { number }) => timeline.add("news", `${count(number, "client")} disconnected.`),
};

function arrived(member, line, tone) {
  send("edge-front", 1, `back ${tone}`);
  timeline.gather(line, member.name);
}

// Draws all changes together, in the next frame.
function planMembers() {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(() => {
    isPlanned = false;
    showMembers();
  });
}

function showMembers() {
  const numbers = members.numbers();
  showClients(numbers, isDirect);
  for (const place of document.querySelectorAll("[data-count]")) write(place, String(numbers[place.dataset.count]));
  showPeople();
  showSenders();
  showHeadline();
  find("nobody").hidden = members.all.length > 0;
  for (const id of ["reconnect", "disconnect"]) find(id).disabled = members.all.length === 0;
  for (const id of ["connect-one", "connect-fifty"]) find(id).disabled = members.free === 0;
}

function showPeople() {
  const people = find("people");
  for (const person of [...people.children]) if (!members.all.some((member) => member.place === person)) person.remove();
  for (const member of members.all) {
    if (!member.place) {
      member.place = element("span", { class: member.isNamed ? "person named" : "person", title: member.name });
      people.append(member.place);
    }
    if (member.place.dataset.state === member.state) continue;
    member.place.dataset.state = member.state;
    member.place.replaceChildren(icon(STATE_ICONS[member.state]), member.isNamed ? member.name : "");
  }
}

function showSenders() {
  const select = find("sender");
  const able = members.all.filter((member) => member.state !== "waiting");
  const named = [...able.filter((member) => member.isNamed), ...able.filter((member) => !member.isNamed)].slice(0, SENDERS);
  const wanted = named.map((member) => (member.state === "fallback" ? `${member.name} (degraded)` : member.name));
  if (wanted.join() !== [...select.options].map((option) => option.text).join()) {
    const chosen = select.value;
    select.replaceChildren(...named.map((member, index) => new Option(wanted[index], member.name)));
    if (named.some((member) => member.name === chosen)) select.value = chosen;
  }
  for (const id of ["sender", "send"]) find(id).disabled = named.length === 0;
  find("message").placeholder = named.length ? "Write a message" : "Connect a client first";
}

function wireButtons({ chat: channel }) {
  find("connect-one").addEventListener("click", () => members.connectOne());
  find("connect-fifty").addEventListener("click", () => members.connectMany(CROWD));
  find("reconnect").addEventListener("click", () => members.reconnect());
  find("disconnect").addEventListener("click", () => members.disconnect());
  find("lock").addEventListener("click", () => pull(state.chat_locked ? "/unlock" : "/lock"));
  for (const button of document.querySelectorAll("[data-identity]")) {
    button.addEventListener("click", () => pull(`/identity/${button.dataset.identity}`));
  }
  find("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    sendMessage(channel);
  });
}

async function pull(lever) {
  await post(lever).catch((error) => timeline.add("bad", `The page’s server could not do this: ${error.message}`));
}

async function sendMessage(channel) {
  const field = find("message");
  const text = field.value.trim();
  const sender = members.all.find((member) => member.name === find("sender").value);
  if (!text || !sender) return;
  try {
    await sender.client.publish(channel, { text, id: crypto.randomUUID() });
    field.value = "";
  } catch (error) {
    chat.note(`${sender.name}’s message was refused: ${error.message}.`, "bad");
    timeline.add("warning", `${sender.name}’s message was refused: ${error.message}.`);
  }
}

start().catch((error) => write(find("subline"), `The page could not start: ${error.message}`));
