// Requests to the server of this page.
export async function get(path) {
  return answered(await fetch(path));
}

export async function post(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return answered(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

async function answered(response) {
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const type = response.headers.get("Content-Type") ?? "";
  return type.startsWith("application/json") ? response.json() : response.text();
}

export function load(script) {
  return new Promise((resolve, reject) => {
    const tag = document.createElement("script");
    Object.assign(tag, { src: script, onload: resolve, onerror: () => reject(new Error(`cannot load ${script}`)) });
    document.head.append(tag);
  });
}
