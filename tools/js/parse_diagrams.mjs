// Reads a JSON list of Mermaid diagrams from stdin. Prints a JSON list with a text for each diagram: "" if Mermaid can parse
// the diagram, and the error otherwise.
// Run it in .cache/js, where `make js` installs Mermaid.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { JSDOM } = require("jsdom");
globalThis.window = new JSDOM("").window; // Mermaid needs it to sanitise the labels of state diagrams
globalThis.document = window.document;
const { default: mermaid } = await import(pathToFileURL(require.resolve("mermaid")));

let input = "";
for await (const chunk of process.stdin) input += chunk;
const problems = [];
for (const diagram of JSON.parse(input)) {
  problems.push(await mermaid.parse(diagram).then(() => "", (error) => String(error.message)));
}
console.log(JSON.stringify(problems));
