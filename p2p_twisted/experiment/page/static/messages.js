// The page of the messages of a run: choose one, play them, filter them.
"use strict";

const details = JSON.parse(document.getElementById("details").textContent);
const list = document.getElementById("messages");
const messages = [...list.querySelectorAll(".message")];
const filters = ["peer", "method", "words"].map(id => document.getElementById(id));
const element = id => document.getElementById(id);
const MIN_WAIT = 250, MAX_WAIT = 1500;  // milliseconds for which a message is shown; it is longer where the run paused

let chosen = -1;
let timer = null;

list.style.setProperty("--hosts", list.dataset.hosts);

function tag(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) {
    made.className = className;
  }
  return made;
}

function visibleEnds(text) {
  return text.replaceAll("\r", "\\r").replaceAll("\n", "\\n");
}

function show(number) {
  if (chosen >= 0) {
    messages[chosen].removeAttribute("aria-current");
  }
  chosen = number;
  const message = messages[number], detail = details[number];
  message.setAttribute("aria-current", "true");
  message.scrollIntoView({ block: "nearest" });
  element("sentence").textContent = message.querySelector(".sentence").textContent;
  element("facts").replaceChildren(...detail.facts.flatMap(([name, value]) => [tag("dt", name), tag("dd", value)]));
  const spans = detail.parts.map(([text, name, meaning]) => {
    const span = tag("span", text, "named");
    span.title = meaning ? `${name}: ${meaning}` : name;
    return span;
  });
  element("bytes").replaceChildren(...spans, tag("span", detail.body, "rest"));
  const cut = detail.length > detail.body.length;
  element("body-note").hidden = detail.length === 0;
  element("body-note").textContent = `The body has ${detail.length} bytes${cut ? "; this is how it begins" : ""}.`;
  element("parts").replaceChildren(...detail.parts.map(([text, name, meaning]) => {
    const row = document.createElement("tr");
    row.append(tag("td", visibleEnds(text)), tag("td", name), tag("td", meaning));
    return row;
  }));
  element("chosen").hidden = false;
  element("hint").hidden = true;
  tellPlace();
}

function shown() {
  return messages.flatMap((message, number) => message.parentElement.hidden ? [] : [number]);
}

function tellPlace() {
  const numbers = shown(), place = numbers.indexOf(chosen);
  element("place").textContent = place < 0 ? `${numbers.length} messages` : `${place + 1} of ${numbers.length}`;
  element("none").hidden = numbers.length > 0;
}

function step(by) {
  const numbers = shown();
  if (!numbers.length) {
    return false;
  }
  const here = numbers.indexOf(chosen);
  const next = here >= 0 ? here + by : by > 0 ? numbers.findIndex(number => number > chosen) : numbers.length - 1;
  if (next < 0 || next >= numbers.length) {
    return false;
  }
  show(numbers[next]);
  return true;
}

function pause() {
  clearTimeout(timer);
  timer = null;
  element("play").textContent = "Play";
}

function play() {
  const before = chosen < 0 ? 0 : Number(messages[chosen].dataset.at);
  if (!step(1)) {
    pause();
    return;
  }
  const gap = 1000 * (Number(messages[chosen].dataset.at) - before);
  timer = setTimeout(play, Math.min(MAX_WAIT, Math.max(MIN_WAIT, gap)));
  element("play").textContent = "Pause";
}

function filter() {
  const [peer, method, words] = filters.map(field => field.value);
  const wanted = words.toLowerCase();
  const asked = new Map();  // host and host -> whether the request that the next response answers is shown
  for (const message of messages) {
    const { from, to } = message.dataset;
    let fits = !peer || from === peer || to === peer;
    if (message.classList.contains("request")) {
      const matches = !method || message.dataset.method === method;
      asked.set(`${from} ${to}`, matches);
      fits = fits && matches;
    } else {
      fits = fits && (!method || asked.get(`${to} ${from}`) === true);
    }
    const text = message.querySelector(".sentence").textContent.toLowerCase();
    message.parentElement.hidden = !(fits && text.includes(wanted));
  }
  tellPlace();
}

messages.forEach((message, number) => message.addEventListener("click", () => { pause(); show(number); }));
filters.forEach(field => field.addEventListener("input", filter));
element("play").addEventListener("click", () => {
  if (timer !== null) {
    pause();
  } else {
    if (chosen === shown().at(-1)) {
      chosen >= 0 && messages[chosen].removeAttribute("aria-current");
      chosen = -1;
    }
    play();
  }
});
element("back").addEventListener("click", () => { pause(); step(-1); });
element("next").addEventListener("click", () => { pause(); step(1); });
list.addEventListener("keydown", event => {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by) {
    event.preventDefault();
    pause();
    if (step(by)) {
      messages[chosen].focus();
    }
  }
});
