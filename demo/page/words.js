// The headline of the page.
import { count } from "./dom.js";

// Returns the icon, the headline, and the line below the headline.
export function headline({ phase, identity, tickets, window_s: window }, { fallback }) {
  if (phase === "starting") return ["wait", "Starting", "The service is not ready yet."];
  if (phase === "gone") return ["bad", "make run has ended", "Start it again, and open the address that it prints."];
  if (phase === "failing") {
    return ["warning", "Identity does not answer", `Connected clients stay connected. New clients are asked to try again. If this lasts longer than ${window} seconds, it is an outage.`];
  }
  if (phase === "recovering") return ["wait", "Identity answers again", "The service calls identity again when the next client connects. If identity answers this call, the outage is over."];
  if (phase === "outage") return outage(tickets);
  if (identity !== "up") return ["news", "The service has not noticed yet", `Identity is ${identity}. The service notices this when it calls identity for the next client. Connect a client.`];
  if (fallback) return ["good", "Identity is back", `${count(fallback, "client is", "clients are")} still connected with a fallback ticket. Such a connection ends within about a minute, or when you press “Reconnect all”.`];
  return ["good", "All is well", "Identity decides about every connection."];
}

function outage(tickets) {
  if (!tickets) return ["bad", "Outage, and no fallback tickets are left", "Clients with a known user stay connected. No client can connect until identity is back."];
  return ["bad", "Outage: clients connect with fallback tickets", `Clients with a known user stay connected. ${count(tickets, "ticket is", "tickets are")} left. Clients with a fallback ticket may not use the chat.`];
}
