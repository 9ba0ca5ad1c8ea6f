// One run on the page of experiments: a section with its curves and its table, kept up to date by its events.
"use strict";

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
      el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Peers" }, el("table", {}, head, this.rows)));
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
    const right = `${event.verified} of ${event.expected} copies are right`;
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

// The growth of scale: all its runs in one chart

function drawGrowth(runs) {
  const ended = runs.filter((run) => run.complete), tasks = [...new Set(ended.map((run) => run.task))];
  $("growth").hidden = !ended.length;
  if (!ended.length) return;
  $("growth-plot").replaceChildren(growth(ended, Math.max(280, $("growth-plot").clientWidth)));
  const titles = tasks.map((task) => ended.find((run) => run.task === task).title.replace(/, \d+ peers.*/, ""));
  $("growth-legend").replaceChildren(...titles.flatMap((title, place) => [swatch(place), `${title} `]), "(dashed: bounds)");
}
