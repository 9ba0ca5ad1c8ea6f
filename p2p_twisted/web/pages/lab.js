// The page of the lab: orders experiments, and draws what their events tell. The calls are described in docs/api.rst.
"use strict";

const API = "/api/v1/lab/runs";
const POLL = 3000; // milliseconds between questions whether somebody else has started something
const COLOURS = 8, DASHES = 4;
const ABOUT = {
  "task1": "One peer holds all documents; the others fetch from it, one document at a time.",
  "task2-worst": "Each holds an equal share. The first fetches from all others; when it is done, they fetch from it.",
  "task2-best": "Each holds an equal share. All begin at once, each with another holder.",
  "swarm": "One peer holds one large document that all others want. Whoever has a piece passes it on.",
  "all": "Task 1, both cases of Task 2, and swarms of the same documents, and a report that compares them.",
};
const STATES = { running: "running", stopping: "being stopped", done: "done", stopped: "stopped", failed: "failed" };
const $ = (id) => document.getElementById(id);

let shown = null; // the experiment on the page: {id, order, source, runs, over}
let chosen = false; // whether somebody chose it from the list: then it stays
let key = null;

// Elements

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

// The chart of one run: what each peer has got against seconds

function ticks(most, wanted) {
  const rough = most / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, place) => place * step);
}

function chart(run, width) {
  const height = Math.max(240, Math.min(400, width * 0.5)), left = 46, right = 12, top = 36, bottom = 42;
  const last = Math.max(run.at, 0.1), most = run.percent ? 100 : run.most;
  const seconds = Math.max(run.bound, last) * 1.06;
  const x = (at) => left + (width - left - right) * at / seconds;
  const y = (amount) => height - bottom - (height - top - bottom) * amount / most;
  const parts = [];
  const amounts = ticks(most, 6).filter((one) => Number.isInteger(one));
  if (amounts.at(-1) < most * 0.95) amounts.push(most);
  const text = (words, at, attributes) => parts.push(svg("text", { x: at[0], y: at[1], ...attributes }, words));
  const middle = { "text-anchor": "middle" };
  for (const tick of amounts) {
    parts.push(svg("path", { class: "grid", d: `M${left} ${y(tick)}H${width - right}` }));
    text(String(tick), [left - 7, y(tick) + 4], { "text-anchor": "end" });
  }
  for (const tick of ticks(seconds, width < 500 ? 5 : 9)) {
    parts.push(svg("path", { class: "grid", d: `M${x(tick)} ${top}V${height - bottom}` }));
    text(String(Number(tick.toPrecision(6))), [x(tick), height - bottom + 17], middle);
  }
  parts.push(svg("path", { class: "axis", fill: "none", d: `M${left} ${top}V${height - bottom}H${width - right}` }));
  text("seconds since the start", [(left + width - right) / 2, height - 6], middle);
  text(run.percent ? "percent of the document fetched" : "documents fetched", [0, 12], {});
  for (const peer of run.askers) {
    const d = peer.points.map(([at, amount]) => `${x(at).toFixed(1)} ${y(amount).toFixed(1)}`);
    parts.push(svg("path", { class: look(peer.place), "data-peer": peer.name, d: d.length ? `M${d.join("L")}` : "" }));
    const done = peer.seconds != null && { class: look(peer.place), cx: x(peer.seconds), cy: y(most), r: 3 };
    if (done) parts.push(svg("circle", done));
  }
  parts.push(svg("path", { class: "bound", d: `M${x(run.bound)} ${top}V${height - bottom}` }));
  const side = x(run.bound) < width / 2 ? "start" : "end";
  text(`bound ${number(run.bound, 2)} s`, [x(run.bound), top - 6], { class: "bound-name", "text-anchor": side });
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": described(run) }, ...parts);
}

function described(run) {
  const got = run.askers.map((peer) => `${peer.name} ${peer.files} of ${peer.wanted}`).join(", ");
  const times = `after ${number(run.at, 1)} s: ${got}; bound ${number(run.bound, 2)} s`;
  return `${run.title}: documents fetched against seconds, ${times}`;
}

// One run: a section of the page, and what the events say of it

class Run {
  constructor(event) {
    this.title = event.title;
    this.bound = event.bound;
    this.at = 0;
    const peers = Object.entries(event.peers);
    this.peers = new Map(peers.map(([name, about], place) =>
      [name, { name, place, holds: about.holds, wanted: about.files, size: about.bytes, files: 0, bytes: 0, points: [] }]));
    this.askers = [...this.peers.values()].filter((peer) => peer.wanted);
    this.most = Math.max(...this.askers.map((peer) => peer.wanted));
    this.percent = this.most === 1;
    this.said = el("p", { class: "said" }, "Starting the processes …");
    this.plot = el("div", { class: "plot" });
    this.rows = el("tbody");
    const heads = ["Held", "Documents", "MB", "Time, s"].map((words) => el("th", { scope: "col", class: "number" }, words));
    const head = el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Peer"), ...heads));
    this.section = el("section", { class: "run" }, el("h2", {}, this.title), this.said, this.plot,
      el("div", { class: "wide" }, el("table", {}, head, this.rows)));
    $("runs").append(this.section);
    this.draw();
  }

  progress(event) {
    this.at = event.at;
    for (const [name, got] of Object.entries(event.peers)) this.move(this.peers.get(name), event.at, got);
    this.said.textContent = `${number(this.at, 1)} s`;
    this.draw();
  }

  move(peer, at, got) {
    Object.assign(peer, { files: got.files, bytes: got.bytes });
    const amount = this.percent ? Math.min(100, 100 * got.bytes / peer.size) : got.files, points = peer.points;
    if (!points.length) points.push([at, 0]);
    const moved = points.at(-1)[1] !== amount;
    if (this.percent && !moved) return; // peers are asked now and then only: between two answers it grew
    if (!moved && points.at(-2)?.[1] === amount) points.pop();
    points.push([at, amount]);
  }

  ended(event) {
    this.at = event.seconds;
    for (const [name, got] of Object.entries(event.peers)) {
      const peer = this.peers.get(name), at = got.seconds ?? this.at;
      peer.points = peer.points.filter((point) => point[0] < at);
      this.move(peer, at, got);
      peer.seconds = got.seconds;
    }
    const right = `${event.verified} of ${event.expected} copies right`;
    this.said.textContent = event.interrupted ? `Stopped after ${number(event.seconds, 2)} s.` :
      `${number(event.seconds, 2)} s, ${number(event.ratio, 2)} times the bound of ${number(this.bound, 2)} s; ${right}.`;
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.plot.replaceChildren(chart(this, Math.max(280, this.plot.clientWidth)));
      this.rows.replaceChildren(...[...this.peers.values()].map((peer) => this.row(peer)));
    });
  }

  row(peer) {
    const fetches = peer.wanted > 0, cell = (words) => el("td", { class: "number" }, words);
    return el("tr", {}, el("th", { scope: "row" }, ...(fetches ? [swatch(peer.place)] : []), peer.name),
      cell(String(peer.holds)), cell(fetches ? `${peer.files} of ${peer.wanted}` : "–"),
      cell(fetches ? number(peer.bytes / 1e6, 1) : "–"), cell(peer.seconds == null ? "–" : number(peer.seconds, 2)));
  }
}

// An experiment: its events, from the first one on

function show(experiment) {
  shown?.source.close();
  const source = new EventSource(`${API}/${experiment.id}/events`);
  shown = { id: experiment.id, state: experiment.state, runs: [], source };
  $("runs").replaceChildren();
  $("findings").hidden = true;
  const mine = shown;
  mine.source.onmessage = (message) => happened(mine, JSON.parse(message.data));
  mine.source.onerror = () => { if (!mine.over) status("The connection to the RS is lost; trying again …"); };
  status("Preparing …");
  allow();
}

function happened(experiment, event) {
  if (experiment !== shown) return;
  const run = experiment.runs.at(-1);
  if (event.event === "run") {
    experiment.runs.push(new Run(event));
    status(`${event.title}: starting the processes …`);
  } else if (event.event === "progress") {
    run.progress(event);
    status(`${run.title}: running.`);
  } else if (event.event === "run-ended") {
    run.ended(event);
    status(`${run.title}: over. Writing down what was found …`);
  } else if (event.event === "end") {
    $("sentences").replaceChildren(...event.findings.map((sentence) => el("li", {}, sentence)));
    $("findings").hidden = false;
  } else if (event.event === "over") {
    over(experiment, event);
  }
}

function over(experiment, event) {
  experiment.over = true;
  experiment.state = event.state;
  experiment.source.close();
  $("links").replaceChildren(...results(event));
  const words = { done: "Done.", stopped: "Stopped; nothing runs any more.", failed: "Failed." }[event.state];
  status(event.error ? `${words} ${event.error[0].toUpperCase()}${event.error.slice(1)}.` : words);
  refresh();
}

const NAMES = { "report": "Report", "results.json": "JSON", "transfers.csv": "CSV" };
const results = (experiment) => Object.entries(experiment.results).flatMap(([name, path], place) =>
  [...(place ? [" · "] : []), el("a", { href: path, target: "_blank", rel: "noopener" }, NAMES[name] ?? name)]);

// The list, the form and the calls

const status = (words) => { if ($("status").textContent !== words) $("status").textContent = words; };

async function call(method, path, body) {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(key && { Authorization: `Bearer ${key}` }) };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const data = await response.json();
  if (response.ok) return data;
  if (response.status === 401) forgetKey();
  throw new Error(response.status === 401 ? "The RS does not accept this key: it may have been made anew." : data.error);
}

async function refresh() {
  const { items } = await call("GET", API);
  const running = items.find((one) => one.ended === null);
  const wanted = chosen && !running ? items.find((one) => one.id === shown?.id) : running ?? items.at(-1);
  if (!wanted) status("Nothing has been run here yet. Choose a task and press Start.");
  else if (wanted.id !== shown?.id) { chosen = false; show(wanted); fill(wanted.order); }
  else { shown.state = wanted.state; allow(); }
  const line = (one) => JSON.stringify([one.id, one.state]);
  if ($("list").dataset.lines === items.map(line).join()) return;
  $("list").dataset.lines = items.map(line).join();
  $("list").replaceChildren(...items.reverse().map(row));
  $("earlier").hidden = !items.length;
}

function row(one) {
  const task = $("task").querySelector(`[value="${CSS.escape(one.order.task)}"]`)?.textContent ?? one.order.task;
  const button = el("button", { type: "button" }, "Show");
  button.onclick = () => { chosen = true; show(one); scrollTo({ top: 0 }); };
  const when = new Date(one.started * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return el("tr", {}, el("td", {}, when), el("td", {}, `${task}, ${one.order.peers} peers`), el("td", {}, STATES[one.state]),
    el("td", {}, button, el("span", {}, ...results(one))));
}

function fill(order) {
  for (const name of ["task", "peers", "files", "size", "seed"]) $(name).value = order[name];
  for (const name of ["up", "down"]) if (order[name].endsWith("Mbit")) $(name).value = parseFloat(order[name]);
  $("swarm").checked = order.swarm;
  explain();
}

function explain() {
  const task = $("task").value;
  $("about").textContent = ABOUT[task];
  for (const one of document.querySelectorAll(".of-many")) one.hidden = task === "swarm";
  for (const one of document.querySelectorAll(".of-one")) one.hidden = task !== "swarm";
}

function allow() {
  const runs = shown && ["running", "stopping"].includes(shown.state);
  $("fields").disabled = !key || Boolean(runs);
  $("stop").disabled = !key || shown?.state !== "running";
  $("watching").hidden = Boolean(key);
}

async function attempt(action) {
  $("error").textContent = "";
  try { await action(); } catch (error) {
    $("error").textContent = error instanceof TypeError ? "The RS does not answer." : error.message;
  }
  allow();
}

function start() {
  const numbers = ["peers", "files", "size", "seed"].map((name) => [name, Number($(name).value)]);
  const rates = ["up", "down"].map((name) => [name, `${Number($(name).value)}Mbit`]);
  const order = { task: $("task").value, swarm: $("swarm").checked, ...Object.fromEntries([...numbers, ...rates]) };
  return attempt(async () => { chosen = false; show(await call("POST", API, order)); await refresh(); });
}

function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) { sessionStorage.setItem("key", given); history.replaceState(null, "", location.pathname); }
  key = sessionStorage.getItem("key");
  allow();
}

function forgetKey() { sessionStorage.removeItem("key"); key = null; }

$("form").onsubmit = (event) => { event.preventDefault(); start(); };
$("stop").onclick = () => attempt(async () => { shown.state = (await call("DELETE", `${API}/${shown.id}`)).state; await refresh(); });
$("task").onchange = explain;
addEventListener("hashchange", takeKey);
addEventListener("resize", () => shown?.runs.forEach((run) => run.draw()));
const poll = () => refresh().catch(() => { if (!shown || shown.over) status("The RS does not answer; trying again …"); });
setInterval(() => { if (!document.hidden) poll(); }, POLL);
takeKey();
explain();
poll();
