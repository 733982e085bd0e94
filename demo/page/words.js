// The headline of the page.
import { count } from "./dom.js";

// The icon, the headline and the line below it.
export function headline({ phase, identity, tickets, window_s: window }, { fallback }) {
  if (phase === "starting") return ["wait", "Starting", "The service is not ready yet."];
  if (phase === "gone") return ["bad", "make run has ended", "Start it again, and open the address that it prints."];
  if (phase === "failing") {
    return ["warning", "Identity does not answer", `Connected clients stay. New ones are asked to try again. If this lasts longer than ${window} seconds, it is an outage.`];
  }
  if (phase === "recovering") return ["wait", "Identity answers again", "The service calls it for the next client. If identity answers that call, the outage is over."];
  if (phase === "outage") return outage(tickets);
  if (identity !== "up") return ["news", "The service has not noticed yet", `Identity is ${identity}, but no client has connected since. Connect one.`];
  if (fallback) return ["good", "Identity is back", `${count(fallback, "client still runs", "clients still run")} on a fallback ticket. Such a connection ends within about a minute, or with “Reconnect all”.`];
  return ["good", "All is well", "Identity decides about every connection."];
}

function outage(tickets) {
  if (!tickets) return ["bad", "Outage, and no fallback ticket is left", "Clients that are connected as their user stay. No client can connect before identity is back."];
  return ["bad", "Outage: clients connect with fallback tickets", `Clients that are connected as their user stay. ${count(tickets, "ticket is", "tickets are")} left. Clients on a fallback ticket may not use the chat.`];
}
