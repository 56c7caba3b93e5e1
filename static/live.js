// Shows what live frames say: numbers in their place, structure by one morph, nothing moved.
"use strict";
(() => {
  const holdfast = window.holdfast;
  const position = { epoch: document.body.dataset.epoch, seq: Number(document.body.dataset.seq) };
  const CALM = 5000, MOST_IDS = 95;
  const told = new Map(); // what frames said of each job that is shown
  const marked = new Map(); // words that wait until what they replace is not marked any more
  let fieldsOf = new WeakMap();
  const movedRows = new Set();
  let movedElsewhere = 0;

  // What is shown, so that the server sends just that.

  function subscription() {
    const shown = new Set();
    for (const scope of document.querySelectorAll("[data-job]:not([data-still])")) shown.add(scope.dataset.job);
    const log = document.querySelector("[data-log]");
    const topics = new Set(["counts", ...document.body.dataset.topics.split(" ").filter(Boolean)]);
    if (document.querySelector("[data-f=s], [data-f=d], [data-f=g]")) topics.add("more");
    const asked = { e: position.epoch, s: position.seq, j: [...shown].slice(0, MOST_IDS), k: [...topics] };
    if (log) asked.log = { run: log.dataset.log, from: Number(log.dataset.from) };
    return asked;
  }

  // Numbers

  function patch(id, fields) {
    const scope = document.getElementById(`job-${id}`);
    if (!scope || "still" in scope.dataset) return;
    told.set(id, { ...told.get(id), ...fields });
    for (const [name, value] of Object.entries(fields)) {
      if (name === "v") {
        if (scope.dataset.v !== value) restructured(scope, value);
      } else {
        for (const element of nodes(scope, name)) put(element, String(value));
      }
    }
  }

  // A part may have been drawn a moment before the numbers that stood in it.
  function patchAgain(part) {
    for (const scope of [part, ...part.querySelectorAll("[data-job]")]) {
      const fields = told.get(scope.dataset.job);
      if (fields?.v === scope.dataset.v) patch(scope.dataset.job, fields);
    }
  }

  function nodes(scope, name) {
    if (!fieldsOf.has(scope)) {
      const found = {};
      for (const element of scope.querySelectorAll("[data-f]")) (found[element.dataset.f] ??= []).push(element);
      fieldsOf.set(scope, found);
    }
    return fieldsOf.get(scope)[name] ?? [];
  }

  function put(element, text) {
    if (element instanceof HTMLProgressElement) {
      const value = parseFloat(text);
      if (Number.isNaN(value)) element.removeAttribute("value");
      else element.value = value;
    } else if (element instanceof HTMLOListElement) {
      stand(element, text);
    } else {
      write(element, text ? text + (element.dataset.unit ?? "") : element.dataset.else || "");
    }
  }

  function write(element, words) {
    marked.delete(element);
    if (element.textContent === words) return;
    if (holdfast.isMarked(element)) marked.set(element, words);
    else element.textContent = words;
  }

  document.addEventListener("selectionchange", () => {
    for (const [element, words] of [...marked]) write(element, words);
  });

  function stand(steps, stage) {
    const items = [...steps.children];
    const present = items.findIndex((item) => item.dataset.name === stage);
    if (present < 0) return;
    items.forEach((item, place) => {
      item.classList.toggle("done", place < present);
      if (place === present) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
  }

  // Structure

  function restructured(scope, version) {
    const list = scope.closest("[data-part=list]");
    if (version === "gone") { gone(scope, list); return; }
    if (!list) {
      scope.dataset.v = version;
      if (scope.closest("[data-part]")) redraw(); // else it is in a live part, which comes by itself
      return;
    }
    const [, run] = version.split("."), [, runBefore] = scope.dataset.v.split(".");
    scope.dataset.v = version; // its row comes as a piece
    if (run !== runBefore && list.dataset.sort.endsWith("last-run")) rowMoved(scope.id);
  }

  const DELETED = "This has been deleted meanwhile.";

  function gone(scope, list) {
    scope.dataset.v = "gone";
    if (list) rowMoved(scope.id);
    else if (scope.dataset.part === "job") holdfast.say("cancelled", DELETED, { stays: true });
    else if (scope.closest("[data-part]")) redraw();
  }

  function drawPiece(id, html) {
    const status = document.getElementById(id)?.dataset.st;
    return holdfast.place(id, html, (drawn) => {
      fieldsOf = new WeakMap();
      const { state, sort } = drawn.closest("[data-part=list]")?.dataset ?? {};
      if ((state || sort === "needs") && drawn.dataset.st !== status) rowMoved(drawn.parentElement.id);
      patchAgain(drawn);
    });
  }

  const RETRY = 2000, ANSWER_BY = 20000;
  let drawing = null, again = false, later = 0;

  // Draws what this page alone shows again from the page itself, so that it can never differ from it.
  function redraw(which = "[data-part]") {
    clearTimeout(later);
    if (drawing) again = true;
    else {
      drawing = drawParts(which).finally(() => {
        drawing = null;
        if (again) { again = false; redraw(); }
      });
    }
    return drawing;
  }

  async function drawParts(which) {
    const parts = [...document.querySelectorAll(which)];
    if (!parts.length) return;
    const asked = { headers: { Accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(ANSWER_BY) };
    const answer = await fetch(location.href, asked).catch(() => null);
    const text = await answer?.text().catch(() => null); // it may end half-way
    if (typeof text !== "string" || answer.status >= 500) { later = setTimeout(redraw, RETRY, which); return; }
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) { location.assign(answer.url); return; }
    if (answer.status === 404) { holdfast.say("cancelled", DELETED, { stays: true }); return; }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh && part.isConnected) await holdfast.morph(part, fresh.outerHTML);
    }
    fieldsOf = new WeakMap();
    told.clear();
    position.epoch = page.body.dataset.epoch;
    position.seq = Number(page.body.dataset.seq);
    document.dispatchEvent(new CustomEvent("holdfast:shown", { detail: "anew" }));
  }

  // Counts, order, notices

  function count(counts) {
    for (const [name, value] of Object.entries(counts)) {
      const text = typeof value === "number" ? value.toLocaleString("en") : value;
      for (const element of document.querySelectorAll(`[data-c="${CSS.escape(name)}"]`)) put(element, text);
    }
    document.dispatchEvent(new CustomEvent("holdfast:counted", { detail: counts }));
  }

  function rowMoved(id) {
    movedRows.add(id);
    sortAgain(0);
  }

  function sortAgain(elsewhere) {
    const link = document.getElementById("moved");
    if (!link) return;
    movedElsewhere += elsewhere;
    const moved = movedRows.size + movedElsewhere;
    link.hidden = false;
    link.lastElementChild.textContent = `${moved} ${moved === 1 ? "job" : "jobs"} changed place, sort again`;
  }

  const waiting = [];
  let calm = true;

  function tell(notices) {
    waiting.push(...notices);
    if (calm) tellNext();
  }

  function tellNext() {
    const [first, ...others] = waiting.splice(0);
    calm = !first;
    if (!first) return;
    const text = others.length ? `${others.at(-1).text}, and ${others.length} more` : first.text;
    if (document.getElementById(`job-${first.id}`) && !others.length) document.getElementById("said").textContent = text;
    else holdfast.say(first.st, text);
    setTimeout(tellNext, CALM);
  }

  // One frame

  async function show(frame) {
    if (frame.t === "reset") {
      const tooMuch = frame.e === position.epoch; // what is to be told does not fit into a frame, nor would it next time
      position.epoch = frame.e;
      position.seq = 0;
      told.clear();
      if (document.querySelector("[data-part]")) await redraw();
      else if (tooMuch) await redraw("main");
      else document.dispatchEvent(new CustomEvent("holdfast:shown", { detail: "anew" }));
      return;
    }
    if (frame.l) document.dispatchEvent(new CustomEvent("holdfast:log", { detail: frame.l }));
    if (frame.e !== undefined && frame.e !== position.epoch) return;
    if (frame.s <= position.seq) return;
    position.seq = frame.s ?? position.seq; // one without a number, as hidden pages get, does not say all
    for (const [id, fields] of frame.j ?? []) patch(id, fields);
    for (const [id, html] of frame.h ?? []) await drawPiece(id, html);
    if (frame.h) document.dispatchEvent(new Event("holdfast:shown"));
    if (frame.c) count(frame.c);
    if (frame.x && document.querySelector("[data-part=list]:not([data-filtered])")) sortAgain(frame.x);
    if (frame.n) tell(frame.n);
  }

  // An answer may come after frames that are newer than it: what came since it was asked for is then asked for again.
  document.addEventListener("htmx:config:request", ({ detail }) => { detail.ctx.asked = { ...position }; });

  document.addEventListener("htmx:after:swap", ({ detail }) => {
    fieldsOf = new WeakMap();
    const asked = detail.ctx?.asked;
    if (asked && asked.epoch !== position.epoch) redraw();
    const late = asked?.epoch === position.epoch && asked.seq < position.seq;
    if (late) position.seq = asked.seq;
    document.dispatchEvent(new CustomEvent("holdfast:shown", { detail: late ? "anew" : null }));
  });

  Object.assign(holdfast, { position, subscription, show, redraw });
})();
