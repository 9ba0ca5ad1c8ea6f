// The page of the lab: orders experiments, and draws what their events tell. The calls are described in docs/api.rst.
"use strict";

const API = "/api/v1/lab/runs";
const POLL = 3000; // milliseconds between questions whether somebody else has started something
const FAULTS = ["kill", "slow", "liar"];
const ABOUT = {
  "task1": "One peer holds all documents; the others fetch from it, one document at a time.",
  "task2-worst": "Each holds an equal share. The first fetches from all others; when it is done, they fetch from it.",
  "task2-best": "Each holds an equal share. All begin at once, each with another holder.",
  "swarm": "One peer holds one large document that all others want. Whoever has a piece passes it on.",
  "scale": "One document of one source, centralised and by a swarm, with 2, 4, 8 peers and so on.",
  "all": "Task 1, both cases of Task 2, and swarms of the same documents, and a report that compares them.",
};
const STATES = { running: "running", stopping: "being stopped", done: "done", stopped: "stopped", failed: "failed" };
let shown = null; // the experiment on the page: {id, order, source, runs, over}
let chosen = false; // whether somebody chose it from the list: then it stays
let key = null;

// One run: a section of the page, and what the events say of it

class Run {
  constructor(event, order) {
    const peers = Object.entries(event.peers);
    const some = order.task === "scale" ? `, ${peers.length} peers` : "", again = order.repeat > 1 ? `, run ${event.repeat}` : "";
    Object.assign(this, { title: event.title + some + again, task: event.task, bound: event.bound, at: 0, faults: [] });
    this.peers = new Map(peers.map(([name, about]) => [name, { name, place: Number(name.replace("peer", "")) - 1,
      holds: about.holds, wanted: about.files, size: about.bytes, files: 0, bytes: 0, points: [] }]));
    this.downloaders = [...this.peers.values()].filter((peer) => peer.wanted);
    this.large = Math.max(...this.downloaders.map((peer) => peer.wanted)) === 1;
    this.most = Math.max(...this.downloaders.map((peer) => this.large ? peer.size / 1e6 : peer.wanted));
    this.said = el("span", { class: "said" }, "Starting the processes …");
    this.plot = el("div", { class: "plot" });
    this.rows = el("tbody");
    const heads = ["Held", "Documents", "MB", "Time, s"].map((words) => el("th", { scope: "col", class: "number" }, words));
    const head = el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Peer"), ...heads));
    this.section = el("details", { class: "run", open: "" }, el("summary", {}, el("h2", {}, this.title), this.said), this.plot,
      el("div", { class: "wide" }, el("table", {}, head, this.rows)));
    this.section.ontoggle = () => this.draw();
    $("runs").append(this.section);
    this.draw();
  }

  amountOf(peer) { return this.large ? peer.bytes / 1e6 : peer.files; }

  progress(event) {
    this.at = event.at;
    for (const [name, got] of Object.entries(event.peers)) this.move(this.peers.get(name), event.at, got);
    this.say(`${number(this.at, 1)} s`);
    this.draw();
  }

  move(peer, at, got) {
    Object.assign(peer, { files: got.files, bytes: got.bytes });
    if (!peer.points.length) peer.points.push([at, 0]);
    const amount = this.amountOf(peer);
    if (peer.points.at(-1)[1] !== amount) peer.points.push([at, amount]);
  }

  fault(event) {
    this.faults.push(event);
    this.say(`${number(this.at, 1)} s`);
    this.draw();
  }

  say(words) {
    const faults = this.faults.map((fault) => `${fault.text} after ${number(fault.at, 1)} s`);
    this.said.textContent = [words, ...faults].join("; ");
  }

  ended(event) {
    Object.assign(this, { over: true, complete: event.complete });
    this.at = event.complete ? event.seconds : Math.max(this.at, event.seconds);
    for (const [name, got] of Object.entries(event.peers)) {
      const peer = this.peers.get(name), at = got.seconds ?? this.at;
      peer.points = peer.points.filter((point) => point[0] < at);
      this.move(peer, at, { ...got, bytes: Math.max(got.bytes, this.large ? peer.bytes : 0) });
      peer.seconds = got.seconds;
    }
    for (const name of event.killed ?? []) this.peers.get(name).killed = true;
    const right = `${event.verified} of ${event.expected} copies right`;
    const lost = event.lost ? `, ${event.lost} ${event.lost > 1 ? "documents" : "document"} lost` : "";
    this.say(event.interrupted ? `Stopped after ${number(this.at, 2)} s` :
      event.complete === false ? `Not completed: ${right}${lost}` :
      `${number(event.seconds, 2)} s, ${number(event.ratio, 2)} times the bound of ${number(this.bound, 2)} s; ${right}`);
    this.draw();
  }

  draw() {
    if (this.waiting || !this.section.open) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.plot.replaceChildren(chart(this, Math.max(280, this.plot.clientWidth)));
      this.rows.replaceChildren(...[...this.peers.values()].map((peer) => this.row(peer)));
    });
  }

  row(peer) {
    const fetches = peer.wanted > 0, cell = (words) => el("td", { class: "number" }, words);
    const name = peer.name + (peer.killed ? " (killed)" : "");
    return el("tr", {}, el("th", { scope: "row" }, ...(fetches ? [swatch(peer.place)] : []), name),
      cell(String(peer.holds)), cell(fetches ? `${peer.files} of ${peer.wanted}` : "–"),
      cell(fetches ? number(peer.bytes / 1e6, 1) : "–"), cell(peer.seconds == null ? "–" : number(peer.seconds, 2)));
  }
}

// The runs of scale together

function drawGrowth(runs) {
  const ended = runs.filter((run) => run.complete), tasks = [...new Set(ended.map((run) => run.task))];
  $("growth").hidden = !ended.length;
  if (!ended.length) return;
  $("growth-plot").replaceChildren(growth(ended, Math.max(280, $("growth-plot").clientWidth)));
  const titles = tasks.map((task) => ended.find((run) => run.task === task).title.replace(/, \d+ peers.*/, ""));
  $("growth-legend").replaceChildren(...titles.flatMap((title, place) => [swatch(place), `${title} `]), "(dashed: its bound)");
}

// An experiment: its events, from the first one on

function show(experiment) {
  shown?.source.close();
  const source = new EventSource(`${API}/${experiment.id}/events`);
  shown = { id: experiment.id, state: experiment.state, order: experiment.order, runs: [], source };
  $("runs").replaceChildren();
  $("findings").hidden = $("growth").hidden = true;
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
    if (run) run.section.open = false;
    experiment.runs.push(new Run(event, experiment.order));
    status(`${experiment.runs.at(-1).title}: starting the processes …`);
  } else if (event.event === "progress") {
    run.progress(event);
    status(`${run.title}: running.`);
  } else if (event.event === "fault") {
    run.fault(event);
  } else if (event.event === "run-ended") {
    run.ended(event);
    if (experiment.order.task === "scale") drawGrowth(experiment.runs);
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
  return el("tr", {}, el("td", {}, when), el("td", { class: "words" }, [task, `${one.order.peers} peers`, ...extras(one.order)].join(", ")),
    el("td", {}, STATES[one.state]),
    el("td", {}, button, el("span", {}, ...results(one))));
}

const extras = (order) => [...(order.lab === "netns" ? ["network namespaces"] : []), ...(order.repeat > 1 ? [`${order.repeat} runs`] : []),
  ...FAULTS.flatMap((name) => (order[name] ?? []).map((fault) => `${name} ${fault}`)), ...(order.churn ? [`churn ${order.churn}`] : [])];

function fill(order) {
  for (const name of ["task", "peers", "files", "size", "seed", "repeat", "lab", "churn"]) $(name).value = order[name] ?? "";
  for (const name of FAULTS) $(name).value = (order[name] ?? []).join(", ");
  $("faults").open = Boolean(order.churn || FAULTS.some((name) => order[name]?.length));
  for (const name of ["up", "down"]) if (order[name].endsWith("Mbit")) $(name).value = parseFloat(order[name]);
  $("swarm").checked = order.swarm;
  explain();
}

function explain() {
  const task = $("task").value;
  $("about").textContent = ABOUT[task];
  for (const one of document.querySelectorAll(".of-many")) one.hidden = task === "swarm" || task === "scale";
  for (const one of document.querySelectorAll(".of-one")) one.hidden = task !== "swarm" && task !== "scale";
  for (const one of document.querySelectorAll(".of-few")) one.hidden = task === "scale";
  $("peers-label").textContent = task === "scale" ? "Peers, up to" : "Peers";
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
  const numbers = ["peers", "files", "size", "seed", "repeat"].map((name) => [name, Number($(name).value)]);
  const rates = ["up", "down"].map((name) => [name, `${Number($(name).value)}Mbit`]);
  const faults = FAULTS.map((name) => [name, $(name).value.split(/[\s,]+/).filter(Boolean)]);
  const few = { swarm: $("swarm").checked, ...Object.fromEntries(faults), churn: $("churn").value.trim() };
  const order = { task: $("task").value, lab: $("lab").value, ...Object.fromEntries([...numbers, ...rates]) };
  if (order.task !== "scale") Object.assign(order, few);
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
$("task").onchange = () => {
  const usual = $("task").value === "scale" ? ["32", "4"] : ["4", "32"];
  if ($("size").value === usual[0]) $("size").value = usual[1]; // as on the command line, unless somebody chose another
  explain();
};
addEventListener("hashchange", takeKey);
addEventListener("resize", () => {
  shown?.runs.forEach((run) => run.draw());
  if (shown?.order.task === "scale") drawGrowth(shown.runs);
});
async function askForLabs() {
  const { labs } = await call("GET", "/api/v1/lab");
  for (const option of $("lab").options) {
    option.disabled = Boolean(labs[option.value]);
    option.title = labs[option.value] ?? "";
  }
  const why = labs.netns;
  $("no-netns").textContent = why ? `No network namespaces: ${why}.` : "";
  if (why?.includes("still")) setTimeout(askForLabs, POLL);
}

const poll = () => refresh().catch(() => { if (!shown || shown.over) status("The RS does not answer; trying again …"); });
setInterval(() => { if (!document.hidden) poll(); }, POLL);
takeKey();
explain();
askForLabs().catch(() => {});
poll();
