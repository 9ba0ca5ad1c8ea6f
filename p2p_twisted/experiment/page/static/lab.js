// The page of experiments: starts and stops them, and follows their events. docs/api.rst describes the calls.
"use strict";

const API = "/api/v1/lab/runs";
const POLL = 3000; // milliseconds between requests for the list of experiments: another reader may start one
const FAULTS = { kill: "kill", slow: "slow", liar: "corrupt" }; // member of an order -> its name on the page
const ABOUT = {
  "task1": "One peer has all documents; the others fetch from it, one document at a time.",
  "task2-worst": "Each peer has an equal share. The first one fetches from all the others, and then they all fetch from it.",
  "task2-best": "Each peer has an equal share. All start at the same time, each with another holder.",
  "swarm": "One peer has one large document that all the others want. Every peer passes on the pieces that it has.",
  "scale": "One document of one source, centralised and in a swarm, with 2, 4, 8 peers and so on.",
  "all": "Task 1, both cases of Task 2, and swarms of the same documents, with a report that compares them.",
};
const STATES = { running: "running", stopping: "being stopped", done: "done", stopped: "stopped", failed: "failed" };
let shown = null; // the experiment on the page: {id, order, source, runs, over}
let chosen = false; // whether the reader chose it from the list: then it stays
let key = null;
const hasSession = !("readOnly" in document.body.dataset);
const mayChange = () => Boolean(key) || hasSession;

// An experiment and its events, from the first one on

function show(experiment) {
  shown?.source.close();
  const source = new EventSource(`${API}/${experiment.id}/events`);
  shown = { id: experiment.id, state: experiment.state, order: experiment.order, runs: [], source };
  $("runs").replaceChildren();
  $("findings").hidden = $("growth").hidden = true;
  const mine = shown;
  mine.source.onmessage = (message) => happened(mine, JSON.parse(message.data));
  mine.source.onerror = () => { if (!mine.over) status("The connection to the RS was lost; trying again …"); };
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
    status(`${run.title}: done. Writing the results …`);
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
  const words = { done: "Done.", stopped: "Stopped.", failed: "Failed." }[event.state];
  status(event.error ? `${words} ${event.error[0].toUpperCase()}${event.error.slice(1)}.` : words);
  refresh();
}

const NAMES = { "report": "Report", "messages": "Messages", "results.json": "JSON", "transfers.csv": "CSV" };
const results = (experiment) => Object.entries(experiment.results).flatMap(([name, path], place) =>
  [...(place ? [" · "] : []), el("a", { href: path, target: "_blank", rel: "noopener" }, NAMES[name] ?? name)]);

// The list, the form and the calls of the API

const status = (words) => { if ($("status").textContent !== words) $("status").textContent = words; };

async function call(method, path, body) {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(key && { Authorization: `Bearer ${key}` }) };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const data = await response.json();
  if (response.ok) return data;
  if (response.status === 401) forgetKey();
  throw new Error(response.status === 401 ? "The RS does not accept this key; it may have a new one." : data.error);
}

async function refresh() {
  const { items } = await call("GET", API);
  const running = items.find((one) => one.ended === null);
  const wanted = chosen && !running ? items.find((one) => one.id === shown?.id) : running ?? items.at(-1);
  if (!wanted) status("No experiment has been run here yet. Choose a task and press Start.");
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
  ...Object.entries(FAULTS).flatMap(([name, shown]) => (order[name] ?? []).map((fault) => `${shown} ${fault}`)), ...(order.churn ? [`churn ${order.churn}`] : [])];

function fill(order) {
  for (const name of ["task", "peers", "files", "size", "seed", "repeat", "lab", "churn"]) $(name).value = order[name] ?? "";
  for (const name of Object.keys(FAULTS)) $(name).value = (order[name] ?? []).join(", ");
  $("faults").open = Boolean(order.churn || Object.keys(FAULTS).some((name) => order[name]?.length));
  for (const name of ["up", "down"]) if (order[name].endsWith("Mbit")) $(name).value = parseFloat(order[name]);
  $("swarm").checked = order.swarm;
  $("trace").checked = Boolean(order.trace);
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
  $("fields").disabled = !mayChange() || Boolean(runs);
  $("stop").disabled = !mayChange() || shown?.state !== "running";
  $("watching").hidden = mayChange();
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
  const faults = Object.keys(FAULTS).map((name) => [name, $(name).value.split(/[\s,]+/).filter(Boolean)]);
  const few = { swarm: $("swarm").checked, ...Object.fromEntries(faults), churn: $("churn").value.trim() };
  const order = { task: $("task").value, lab: $("lab").value, trace: $("trace").checked, ...Object.fromEntries([...numbers, ...rates]) };
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
  if ($("size").value === usual[0]) $("size").value = usual[1]; // the default of the command line, unless the reader chose another
  explain();
};
addEventListener("hashchange", takeKey);
addEventListener("resize", () => {
  shown?.runs.forEach((run) => run.draw());
  if (shown?.order.task === "scale") drawGrowth(shown.runs);
});
async function fetchPlaces() {
  const { labs } = await call("GET", "/api/v1/lab");
  for (const option of $("lab").options) {
    option.disabled = Boolean(labs[option.value]);
    option.title = labs[option.value] ?? "";
  }
  const why = labs.netns;
  $("no-netns").textContent = why ? `No network namespaces here: ${why}.` : "";
  if (why?.includes("still")) setTimeout(fetchPlaces, POLL);
}

const poll = () => refresh().catch(() => { if (!shown || shown.over) status("The RS does not answer; trying again …"); });
setInterval(() => { if (!document.hidden) poll(); }, POLL);
takeKey();
explain();
fetchPlaces().catch(() => {});
poll();
