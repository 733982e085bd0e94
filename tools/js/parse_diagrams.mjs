// Reads a JSON list of Mermaid diagrams on stdin. Prints a JSON list with "" for each that Mermaid can parse, else the error.
// Run it in .cache/js, where `make js` installs Mermaid.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { JSDOM } = require("jsdom");
globalThis.window = new JSDOM("").window; // Mermaid sanitises the labels of state diagrams with it
globalThis.document = window.document;
const { default: mermaid } = await import(pathToFileURL(require.resolve("mermaid")));

let input = "";
for await (const chunk of process.stdin) input += chunk;
const problems = [];
for (const diagram of JSON.parse(input)) {
  problems.push(await mermaid.parse(diagram).then(() => "", (error) => String(error.message)));
}
console.log(JSON.stringify(problems));
