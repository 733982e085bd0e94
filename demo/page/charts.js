// Draws the charts again after each poll.
import { find, svg } from "./dom.js";

const SPAN_MS = 90_000;
const BAR_MS = 1500;
const MARGIN = { left: 34, right: 6, top: 8, bottom: 20 };
const HEIGHT = 150;
const GAP_MS = 8000; // if no connect was measured for this time, the latency curves have a gap
const OUTCOMES = ["in", "fallback", "later", "refused"];
const OUTCOME_WORDS = { in: "accepted", fallback: "accepted with a fallback ticket", later: "asked to try again", refused: "refused" };

export class Charts {
  #samples = [];
  #pool = { initial: 0, mark: 0 };

  add(samples, pool) {
    this.#samples.push(...samples);
    if (pool) this.#pool = { initial: pool.initial_size, mark: pool.low_watermark };
    const since = this.#now() - SPAN_MS;
    while (this.#samples.length && this.#samples[0].at_ms < since) this.#samples.shift();
  }

  draw() {
    if (!this.#samples.length) return;
    this.#outcomes();
    this.#tickets();
    this.#latency();
  }

  #now() {
    return this.#samples.at(-1)?.at_ms ?? 0;
  }

  #frame(id, label, ticks, y) {
    const chart = find(id);
    const width = chart.clientWidth || 320;
    const x = (atMs) => MARGIN.left + (width - MARGIN.left - MARGIN.right) * (1 - (this.#now() - atMs) / SPAN_MS);
    chart.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    chart.setAttribute("aria-label", label);
    const lines = ticks.flatMap(([value, text]) => [
      svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      svg("text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, text),
    ]);
    const times = [90, 60, 30, 0].map((ago) =>
      svg("text", { x: x(this.#now() - ago * 1000), y: HEIGHT - 4, "text-anchor": ago === 0 ? "end" : ago === 90 ? "start" : "middle" }, ago ? `${ago} s ago` : "now"),
    );
    chart.replaceChildren(...this.#bands(x), ...lines, ...times);
    return { chart, x, y, width };
  }

  // Returns shaded bands for the background, for all phases except "well".
  #bands(x) {
    const bands = [];
    this.#samples.forEach(({ at_ms: at, phase }, index) => {
      if (phase === "well") return;
      const end = this.#samples[index + 1]?.at_ms ?? at;
      const last = bands.at(-1);
      if (last?.phase === phase && last.end === at) last.end = end;
      else bands.push({ phase, at, end });
    });
    return bands.map(({ phase, at, end }) =>
      svg("rect", { class: `band ${phase}`, x: Math.max(MARGIN.left, x(at)), y: MARGIN.top, width: Math.max(0, x(end) - Math.max(MARGIN.left, x(at))), height: HEIGHT - MARGIN.top - MARGIN.bottom }),
    );
  }

  #outcomes() {
    const bars = new Map();
    const totals = { in: 0, fallback: 0, later: 0, refused: 0 };
    for (const { at_ms: at, outcomes } of this.#samples) {
      const bar = Math.floor(at / BAR_MS) * BAR_MS;
      const sums = bars.get(bar) ?? { in: 0, fallback: 0, later: 0, refused: 0 };
      for (const name of OUTCOMES) {
        sums[name] += outcomes[name];
        totals[name] += outcomes[name];
      }
      bars.set(bar, sums);
    }
    const highest = roundUp(Math.max(4, ...[...bars.values()].map((sums) => OUTCOMES.reduce((sum, name) => sum + sums[name], 0))));
    const label = `Connects of the last 90 seconds: ${OUTCOMES.map((name) => `${totals[name]} ${OUTCOME_WORDS[name]}`).join(", ")}`;
    const { chart, x, y } = this.#frame("chart-outcomes", label, thirds(highest), linear(highest));
    for (const [at, sums] of bars) {
      let below = 0;
      for (const name of OUTCOMES.filter((each) => sums[each])) {
        const left = Math.max(MARGIN.left, x(at));
        const size = y(below) - y(below + sums[name]);
        chart.append(svg("rect", { class: name, x: left, y: y(below + sums[name]), width: Math.max(2, x(at + BAR_MS) - x(at) - 1.5), height: size, rx: 1 }));
        below += sums[name];
      }
    }
  }

  #tickets() {
    const { initial, mark } = this.#pool;
    const left = this.#samples.at(-1).tickets;
    const label = `Fallback tickets left: ${left} of ${initial}; the low watermark is ${mark}`;
    const { chart, x, y, width } = this.#frame("chart-tickets", label, thirds(initial), linear(Math.max(1, initial)));
    const steps = this.#samples.map(({ at_ms: at, tickets }, index) => `${index ? `H${x(at)}V` : `M${x(at)} `}${y(tickets)}`).join("");
    const area = `${steps}V${y(0)}H${x(this.#samples[0].at_ms)}Z`;
    chart.append(
      svg("path", { class: "area", d: area }),
      svg("line", { class: "mark", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(mark), y2: y(mark) }),
      svg("path", { class: "curve tickets", d: steps }),
    );
  }

  #latency() {
    const measured = this.#samples.filter(({ p50_ms: median }) => median !== null);
    const last = measured.at(-1);
    const label = last ? `Latency of a connect: last median ${last.p50_ms} ms, 95th percentile ${last.p95_ms} ms` : "Latency of a connect: no connect in the last 90 seconds";
    const ticks = [[1, "1 ms"], [10, "10"], [100, "100"], [1000, "1 s"]];
    const { chart, x, y } = this.#frame("chart-latency", label, ticks, logarithmic(1, 1000));
    chart.append(
      svg("path", { class: "curve tail", d: curve(measured, x, (sample) => y(sample.p95_ms)) }),
      svg("path", { class: "curve", d: curve(measured, x, (sample) => y(sample.p50_ms)) }),
      ...measured.map((sample) => svg("circle", { class: "point", cx: x(sample.at_ms), cy: y(sample.p50_ms), r: 2.2 })),
    );
  }
}

function curve(samples, x, y) {
  return samples
    .map((sample, index) => `${index && sample.at_ms - samples[index - 1].at_ms < GAP_MS ? "L" : "M"}${x(sample.at_ms)} ${y(sample)}`)
    .join("");
}

const INNER = HEIGHT - MARGIN.top - MARGIN.bottom;
const linear = (highest) => (value) => MARGIN.top + INNER * (1 - value / highest);

function logarithmic(lowest, highest) {
  return (value) => {
    const share = Math.log(Math.min(highest, Math.max(lowest, value)) / lowest) / Math.log(highest / lowest);
    return MARGIN.top + INNER * (1 - share);
  };
}

const thirds = (highest) => [0, 0.5, 1].map((share) => [highest * share, String(Math.round(highest * share))]);

function roundUp(value) {
  const steps = [4, 6, 10, 20, 30, 40, 60, 80, 100, 150, 200];
  return steps.find((step) => step >= value) ?? Math.ceil(value / 100) * 100;
}
