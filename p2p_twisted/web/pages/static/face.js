// What all pages do: parts of a page are asked for again when something has happened, and buttons make calls of the API.
// The server alone makes markup, so nothing that a stranger says is put into the page here.

const body = document.body;
const readOnly = "readOnly" in body.dataset;

// Parts: <div data-part="list" data-on="names of events" data-every="milliseconds">

const timers = new WeakMap();

// At once, unless it has just been refreshed, or an answer is on its way.
function refreshSoon(part) {
  if (timers.has(part)) return;
  const every = Number(part.dataset.every);
  const wait = part.waiting ? every : Math.max(0, (part.refreshed ?? 0) + every - performance.now());
  timers.set(part, setTimeout(() => {
    timers.delete(part);
    if (part.waiting) refreshSoon(part);
    else refresh(part);
  }, wait));
}

async function refresh(part) {
  clearTimeout(timers.get(part));
  timers.delete(part);
  const query = new URLSearchParams(location.search);
  query.set("part", part.dataset.part);
  if (part.dataset.swarm) query.set("swarm", part.dataset.swarm);
  part.waiting = (part.waiting ?? 0) + 1;
  const asked = (part.asked = (part.asked ?? 0) + 1);
  try {
    const answer = await fetch(`${part.dataset.src ?? location.pathname}?${query}`);
    const text = await answer.text();
    if (asked !== part.asked) return; // a later answer is on its way
    if (answer.ok) change(part, new DOMParser().parseFromString(`<div>${text}</div>`, "text/html").body.firstChild);
  } catch { /* the stream of events says that the peer is gone */ } finally {
    part.waiting -= 1;
    part.refreshed = performance.now();
  }
}

function change(part, fresh) {
  matchChildren(part, fresh);
  settle(part);
}

// Make the children of `old` those of `fresh`, in place, so that focus, selection and ticks stay where they are.
function matchChildren(old, fresh) {
  const keyed = new Map([...old.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const known = wanted.dataset?.key && keyed.get(wanted.dataset.key);
    if (known && known !== place) old.insertBefore(known, place);
    const present = known ?? place;
    if (present && isLike(present, wanted)) {
      matchNode(present, wanted);
      if (present === place) place = place.nextSibling;
    } else {
      old.insertBefore(wanted, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

const isLike = (one, other) => one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key;

function matchNode(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  matchChildren(old, fresh);
}

// Events, and a line while there are none because the other side does not answer

const offline = document.getElementById("offline");
const parts = () => [...document.querySelectorAll("[data-part]")];

const names = (part) => part.dataset.on.split(" ").filter(Boolean);

function follow(url) {
  const source = new EventSource(url);
  source.onopen = () => {
    if (offline.hidden) return;
    offline.hidden = true;
    parts().forEach(refresh);
  };
  source.onerror = () => {
    offline.textContent = "The program behind this page does not answer. It is tried again every few seconds.";
    offline.hidden = false;
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(url), 2000);
  };
  for (const name of new Set(parts().flatMap(names))) {
    source.addEventListener(name, () => parts().filter((part) => names(part).includes(name)).forEach(refreshSoon));
  }
  source.addEventListener("reset", () => parts().forEach(refreshSoon));
}

document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

if (parts().length && body.dataset.events) follow(body.dataset.events);
for (const part of parts()) if (part.dataset.poll) setInterval(() => refresh(part), Number(part.dataset.poll));

// Calls

const said = document.getElementById("said");
let saidUntil = null;

function say(text) {
  said.textContent = text;
  said.hidden = false;
  clearTimeout(saidUntil);
  saidUntil = setTimeout(() => { said.hidden = true; }, 8000);
}

async function call(method, path, content) {
  const headers = content === undefined ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: content === undefined ? undefined : JSON.stringify(content) });
  } catch {
    say("The program behind this page does not answer.");
    return null;
  }
  const data = await answer.json().catch(() => ({}));
  if (answer.ok) return data;
  say(answer.status === 401 ? "To change anything, open the page with p2p web." : `${data.error ?? `HTTP status ${answer.status}`}.`);
  return null;
}

async function download(order, words) {
  const begun = await call("POST", "/api/v1/downloads", order);
  if (begun) say(`${words} The page Downloads shows how far it is.`);
}

const ticked = () => [...document.querySelectorAll("input[data-name]:checked")].map((box) => box.dataset.name);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.ask && !confirm(button.dataset.ask)) return;
  if (button.dataset.download === "one") await download({ names: [button.dataset.name] }, "The download was started.");
  if (button.dataset.download === "selected") await download({ names: ticked() }, `The download of ${ticked().length} was started.`);
  if (button.dataset.download === "all") await download({ all: true }, "The download of everything was started.");
  if (button.dataset.call) {
    const [method, path] = button.dataset.call.split(" ");
    button.disabled = true;
    const done = await call(method, path, method === "POST" ? {} : undefined);
    button.disabled = false;
    if (done) parts().forEach(refresh);
  }
});

// Ticks: the button for the selected ones, and the box above them all

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) {
    for (const box of document.querySelectorAll("input[data-name]:not(:disabled)")) box.checked = event.target.checked;
  }
  settle(document);
});

function settle(within) {
  for (const button of within.querySelectorAll("button[data-download=selected]")) button.disabled = readOnly || !ticked().length;
  if (readOnly) for (const button of within.querySelectorAll("button[data-call], button[data-download], [data-share] button, [data-limits] button")) button.disabled = true;
}

settle(document);

// Forms

const search = document.querySelector("form[data-search]");

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-sort]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  search.elements.sort.value = new URLSearchParams(link.search).get("sort");
  history.replaceState(null, "", link.href);
  refresh(link.closest("[data-part]"));
});

if (search) {
  let waiting = null;
  const look = (swarm) => {
    const query = new URLSearchParams([...new FormData(search)].filter(([, value]) => value));
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    refresh(document.querySelector(`[data-part=${search.dataset.search}]`));
    if (!texts) return;
    texts.dataset.swarm = swarm;
    refresh(texts);
  };
  const texts = document.querySelector("[data-src]"); // what is found in texts: of other peers only when asked for
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, 100, "no"); });
  search.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); look("yes"); });
  if (texts && search.elements.q.value) look("no");
}

const onSubmit = (selector, action) => document.querySelector(selector)?.addEventListener("submit", async (event) => {
  event.preventDefault();
  await action(event.target.elements, event.target);
});

onSubmit("form[data-share]", async (fields, form) => {
  if (!await call("POST", "/api/v1/shares", { dir: fields.dir.value })) return;
  form.reset();
  say("The folder is shared.");
  parts().forEach(refresh);
});

// Files that are dropped, in parts that a call may have

const PART = 1 << 20;
const drop = document.querySelector("[data-drop]");

async function send(file) {
  const bar = document.getElementById("dropped");
  for (let offset = 0; offset < file.size || offset === 0; offset += PART) {
    const query = new URLSearchParams({ name: file.name, offset, size: file.size });
    bar.hidden = false;
    bar.value = file.size ? offset / file.size : 0;
    const answer = await fetch(`/api/v1/files?${query}`, { method: "PUT", headers: { "Content-Type": "application/octet-stream" }, body: file.slice(offset, offset + PART) })
      .catch(() => null);
    if (answer?.ok) continue;
    const why = answer ? (await answer.json().catch(() => ({}))).error ?? `HTTP status ${answer.status}` : "the program behind this page does not answer";
    say(`${file.name} is not shared: ${why}.`);
    return false;
  }
  return true;
}

async function sendAll(files) {
  let shared = 0;
  for (const file of files) shared += await send(file);
  document.getElementById("dropped").hidden = true;
  if (shared) say(`${shared} of ${files.length} shared.`);
  parts().forEach(refresh);
}

if (drop && !readOnly) {
  document.addEventListener("dragover", (event) => { event.preventDefault(); body.classList.add("dropping"); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) body.classList.remove("dropping"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    body.classList.remove("dropping");
    sendAll([...event.dataTransfer.files]);
  });
  document.getElementById("files").addEventListener("change", (event) => {
    sendAll([...event.target.files]);
    event.target.value = ""; // so that the same file may be chosen again
  });
}

const perSecond = (field) => field.value === "" ? null : Number(field.value) * 1000;

onSubmit("form[data-limits]", async (fields) => {
  if (await call("PUT", "/api/v1/limits", { up_rate: perSecond(fields.up_rate), down_rate: perSecond(fields.down_rate) })) say("The limits are set.");
});

onSubmit("form[data-login]", async (fields) => {
  const answer = await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: fields.key.value.trim() }) });
  if (answer.ok) location.assign("/");
  else say("That is not the key.");
});
