// The charts of the page, with the axes of the report's figures: time upwards, documents or MB to the right.
"use strict";

const COLOURS = 8, DASHES = 4;
const $ = (id) => document.getElementById(id);

function made(element, attributes, ...content) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}
const el = (tag, attributes = {}, ...content) => made(document.createElement(tag), attributes, ...content);
const svg = (tag, attributes = {}, ...content) =>
  made(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, ...content);
const look = (place) => `line c${place % COLOURS} d${Math.floor(place / COLOURS) % DASHES}`;
const swatch = (place) =>
  svg("svg", { class: "swatch", viewBox: "0 0 28 8", "aria-hidden": "true" },
    svg("path", { class: look(place), d: "M0 4H28" }));
const number = (value, digits) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

// A plot: axes with ticks and labels; x and y map a value to a place

function ticks(most, wanted) {
  const rough = most / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, place) => place * step);
}

class Plot {
  constructor(width, across, up) {
    this.width = width;
    this.height = Math.max(240, Math.min(400, width * 0.5));
    [this.left, this.right, this.top, this.bottom] = [46, width - 12, 36, this.height - 42];
    this.parts = [];
    this.text(across, (this.left + this.right) / 2, this.height - 6, { "text-anchor": "middle" });
    this.text(up, 0, 12, {});
  }

  scale(x, y, xTicks, yTicks) { // x and y map each value to 0 to 1
    this.x = (value) => this.left + (this.right - this.left) * x(value);
    this.y = (value) => this.bottom - (this.bottom - this.top) * y(value);
    for (const tick of yTicks) {
      this.path("grid", `M${this.left} ${this.y(tick)}H${this.right}`);
      this.text(String(Number(tick.toPrecision(6))), this.left - 7, this.y(tick) + 4, { "text-anchor": "end" });
    }
    for (const tick of xTicks) {
      this.path("grid", `M${this.x(tick)} ${this.top}V${this.bottom}`);
      this.text(String(Number(tick.toPrecision(6))), this.x(tick), this.bottom + 17, { "text-anchor": "middle" });
    }
    this.path("axis", `M${this.left} ${this.top}V${this.bottom}H${this.right}`, { fill: "none" });
  }

  path(kind, d, attributes = {}) { this.parts.push(svg("path", { class: kind, d, ...attributes })); }
  text(words, x, y, attributes) { this.parts.push(svg("text", { x, y, ...attributes }, words)); }
  ring(kind, x, y) { this.parts.push(svg("circle", { class: kind, cx: this.x(x), cy: this.y(y), r: 3 })); }
  curve(points) { return points.length ? `M${points.map(([x, y]) => `${this.x(x).toFixed(1)} ${this.y(y).toFixed(1)}`).join("L")}` : ""; }
  across(kind, at, words, end) { // a horizontal line with its name at one end
    this.path(kind, `M${this.left} ${this.y(at)}H${this.right}`);
    this.text(words, end ? this.right - 4 : this.left + 5, this.y(at) - 5,
      { class: `${kind}-name`, "text-anchor": end ? "end" : "start" });
  }
  drawn(words) { return svg("svg", { viewBox: `0 0 ${this.width} ${this.height}`, role: "img", "aria-label": words }, ...this.parts); }
}

// One run: time against the documents or MB that each peer has

function chart(run, width) {
  const plot = new Plot(width, run.large ? "fetched (MB)" : "documents fetched", "time since the start (s)");
  const seconds = Math.max(run.bound, run.at, 0.1) * 1.08;
  const amounts = ticks(run.most, width < 500 ? 5 : 8).filter((one) => run.large || Number.isInteger(one));
  plot.scale((amount) => amount / run.most, (at) => at / seconds, amounts, ticks(seconds, 6));
  if (!run.over && run.at) plot.across("now", run.at, `${number(run.at, 1)} s`, true);
  for (const peer of run.downloaders) {
    plot.path(look(peer.place), plot.curve(peer.points.map(([at, amount]) => [amount, at])), { "data-peer": peer.name });
    if (peer.seconds != null) plot.ring(look(peer.place), run.amountOf(peer), peer.seconds);
  }
  for (const fault of run.faults) drawFault(plot, run, fault);
  plot.across("bound", run.bound, `bound ${number(run.bound, 2)} s`, false);
  return plot.drawn(described(run));
}

function drawFault(plot, run, fault) {
  const peer = run.peers.get(fault.peer);
  if (!peer?.wanted) { plot.across("fault", fault.at, fault.text, true); return; }
  const amount = peer.points.filter(([at]) => at <= fault.at).at(-1)?.[1] ?? 0, x = plot.x(amount), y = plot.y(fault.at);
  const back = fault.text.endsWith("back");
  plot.path(`fault ${look(peer.place)}`, back ? `M${x - 6} ${y}a6 6 0 1 0 12 0a6 6 0 1 0 -12 0` :
    `M${x - 5} ${y - 5}l10 10m0 -10l-10 10`, { "data-fault": fault.text });
}

function described(run) {
  const got = run.downloaders.map((peer) => `${peer.name} ${peer.files} of ${peer.wanted}`).join(", ");
  const faults = run.faults.map((fault) => `; ${fault.text} after ${number(fault.at, 1)} s`).join("");
  const times = `after ${number(run.at, 1)} s: ${got}; bound ${number(run.bound, 2)} s${faults}`;
  return `${run.title}: seconds against documents fetched, ${times}`;
}

// The growth of scale: time against the number of peers, both logarithmic

const median = (values) => [...values].sort((one, other) => one - other)[Math.floor((values.length - 1) / 2)];

function growth(runs, width) {
  const plot = new Plot(width, "peers (logarithmic)", "time until the last peer has everything (s, logarithmic)");
  const times = runs.filter((run) => run.complete).flatMap((run) => [run.at, run.bound]);
  const peers = [...new Set(runs.map((run) => run.peers.size))];
  const [low, high] = [Math.min(...times) / 1.2, Math.max(...times) * 1.2];
  const share = (value, from, to) => to > from ? Math.log(value / from) / Math.log(to / from) : 0.5;
  const decades = Array.from({ length: 12 }, (_, place) => 10 ** (place - 5)).flatMap((one) => [one, 2 * one, 5 * one]);
  plot.scale((count) => 0.04 + 0.92 * share(count, peers[0], peers.at(-1)), (at) => share(at, low, high), peers,
    decades.filter((one) => low <= one && one <= high));
  [...new Set(runs.map((run) => run.task))].forEach((task, place) => {
    const mine = peers.map((count) => runs.filter((run) => run.task === task && run.peers.size === count && run.complete));
    const points = mine.filter((same) => same.length).map((same) => [same[0].peers.size, median(same.map((run) => run.at)), same[0].bound]);
    plot.path(look(place), plot.curve(points), { "data-task": task });
    plot.path(`${look(place)} d1`, plot.curve(points.map(([count, , bound]) => [count, bound])));
    for (const [count, at] of points) plot.ring(look(place), count, at);
  });
  return plot.drawn("Time until the last peer has everything, against the number of peers; dashed: bounds");
}
