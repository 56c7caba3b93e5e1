// Keeps the line to the server: a socket, asking every few seconds where that fails, and a mark
// that says which of them it is.
"use strict";
(() => {
  const holdfast = window.holdfast;
  const mark = document.getElementById("conn");
  const SECOND = 1000;
  const OPEN_BY = 4 * SECOND, ANSWER_BY = 20 * SECOND, SILENCE = 40 * SECOND, STALE = 30 * SECOND, HEALTHY = 10 * SECOND;
  const POLL = 5 * SECOND, POLL_AFTER_ERROR = 15 * SECOND, SOCKET_AGAIN = 60 * SECOND, LONG_HIDDEN = 300 * SECOND, A_MOMENT = 50;
  const OUTAGE = 300 * SECOND, SOON = 4 * SECOND;
  const AGAIN = { "c-live": "Live again", "c-wait": "The connection is lost. This page tries to get it back." };
  const TOO_SLOW = 4408, SIGNED_OUT = 4401;

  let socket = null, failures = 0, nextTry = 0, reconnecting = 0, opening = 0, heardAt = 0, healthy = 0;
  let polling = 0, polled = "", nextAsk = 0, etag = "", pause = POLL; // polled: "", "good" or "bad", how asking went
  let dataAt = Date.now(), hiding = 0, saying = 0, subscribed = "", told = "";
  let queue = Promise.resolve();

  // The socket

  function connect() {
    clearTimeout(reconnecting);
    nextTry = 0;
    if (socket) return;
    heardAt = Date.now();
    const here = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`);
    socket = here;
    opening = setTimeout(() => { if (here.readyState !== WebSocket.OPEN) poll(); }, OPEN_BY);
    here.addEventListener("open", () => {
      if (socket !== here) { here.close(); return; } // the page was left meanwhile
      clearTimeout(opening);
      heardAt = dataAt = Date.now();
      healthy = setTimeout(() => { failures = 0; }, HEALTHY);
      stopPolling();
      subscribe();
      showMark();
    });
    here.addEventListener("message", (event) => { if (socket === here) heard(event.data); });
    here.addEventListener("close", (event) => closed(here, event.code));
  }

  function closed(which, code) {
    if (socket !== which) return;
    socket = null;
    clearTimeout(opening);
    clearTimeout(healthy);
    if (code === SIGNED_OUT) { holdfast.forgetRecent(); location.reload(); return; }
    failures += 1;
    if (code === TOO_SLOW) pause = POLL_AFTER_ERROR;
    if (failures >= 3 || code === TOO_SLOW) poll();
    tryAgain(polled === "good" ? SOCKET_AGAIN : Math.random() * Math.min(longest(), 0.5 * SECOND * 2 ** failures));
    showMark();
  }

  // One that neither opens nor speaks, as after a night's sleep, may take a minute to close: it is not waited for.
  function cut() {
    const last = socket;
    closed(last);
    last.close();
  }

  // A server that was restarted is soon back; one that stays away is not called by everybody all the time.
  const longest = () => (Date.now() - dataAt < OUTAGE ? SOON : STALE);

  function tryAgain(wait) {
    clearTimeout(reconnecting);
    if (document.hidden && hiding === "closed") return;
    nextTry = Date.now() + wait;
    reconnecting = setTimeout(connect, wait);
  }

  function send(message) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function subscribe() {
    const asked = holdfast.subscription();
    subscribed = shownIn(asked);
    send({ t: "sub", ...asked });
    if (document.hidden) send({ t: "hide" });
  }

  // What is shown is often drawn again and the same: then there is nothing to say.
  function shown(event) {
    clearTimeout(saying);
    if (event.detail === "anew") { etag = ""; subscribe(); }
    else saying = setTimeout(() => { if (shownIn(holdfast.subscription()) !== subscribed) subscribe(); }, A_MOMENT);
  }

  const shownIn = ({ j, k, log }) => JSON.stringify([j, k, log?.run]);

  function heard(text) {
    heardAt = dataAt = Date.now();
    const frame = JSON.parse(text);
    if (frame.t === "b") send({ t: "pong" });
    else show(frame);
    showMark();
  }

  function show(frame) {
    queue = queue.then(() => holdfast.show(frame)).catch(() => holdfast.redraw());
    return queue;
  }

  // Asking instead

  function poll() {
    if (polling) return;
    polling = -1;
    ask();
  }

  function stopPolling() {
    clearTimeout(polling);
    polling = 0;
    polled = "";
    pause = POLL;
  }

  async function ask() {
    const { e, s, j, k } = holdfast.subscription();
    const query = new URLSearchParams({ e, s, j: j.join(","), k: k.join(",") });
    const headers = etag ? { "If-None-Match": etag } : {};
    const signal = AbortSignal.timeout(ANSWER_BY);
    const answer = await fetch(`/live?${query}`, { headers, signal, cache: "no-store" }).catch(() => null);
    const frame = answer?.status === 200 ? await answer.json().catch(() => null) : null; // it may end half-way
    if (!polling) return;
    const good = Boolean(frame) || answer?.status === 304;
    if (good) {
      dataAt = Date.now();
      etag = answer.headers.get("ETag") ?? "";
      if (frame) await show(frame);
      if (!polling) return;
      document.dispatchEvent(new Event("holdfast:polled"));
      if (polled === "bad") { failures = 0; tryAgain(Math.random() * SECOND); } // it is back
    } else if (answer?.status === 401 || answer?.redirected) {
      location.reload();
      return;
    }
    polled = good ? "good" : "bad";
    nextAsk = Date.now() + (good ? pause : POLL_AFTER_ERROR);
    polling = setTimeout(ask, nextAsk - Date.now());
    showMark();
  }

  // The mark

  function showMark() {
    const now = Date.now();
    const open = socket?.readyState === WebSocket.OPEN;
    if (open) return say("ok", "c-live", "Live");
    if (now - dataAt > STALE) return say("failed", "c-off", `Offline, data from ${clock(dataAt)}`);
    if (polled === "good") return say("late", "c-wait", `Polling every ${pause / SECOND} s`);
    const tries = [nextTry, polling ? nextAsk : 0].filter((moment) => moment > now);
    const wait = Math.ceil((Math.min(...tries) - now) / SECOND);
    return say("late", "c-wait", tries.length ? `Reconnecting in ${wait} s` : "Connecting");
  }

  function clock(moment) {
    return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(moment);
  }

  function say(status, shape, words) {
    mark.title = `Data from ${clock(dataAt)}`;
    if (mark.lastElementChild.textContent === words) return;
    if (told !== shape) announce(shape, words);
    mark.dataset.st = status;
    mark.querySelector("use").setAttribute("href", `#${shape}`);
    mark.lastElementChild.textContent = words;
  }

  // Only a change is said aloud, not that a page is live as it should be, nor how the seconds pass.
  function announce(shape, words) {
    if (told && document.getElementById("said")) document.getElementById("said").textContent = AGAIN[shape] ?? words;
    if (told || shape === "c-live") told = shape;
  }

  setInterval(() => {
    heardAt = Math.min(heardAt, Date.now()); // a clock may be put back
    dataAt = Math.min(dataAt, Date.now());
    if (socket && Date.now() - heardAt > SILENCE) cut();
    showMark();
  }, SECOND);

  // The tab

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) {
      send({ t: "hide" });
      hiding = setTimeout(() => { hiding = "closed"; socket?.close(); stopPolling(); }, LONG_HIDDEN);
    } else {
      hiding = 0;
      if (socket) send({ t: "show", s: holdfast.position.seq });
      else connect();
    }
  });
  window.addEventListener("online", connect);
  window.addEventListener("pageshow", (event) => { if (event.persisted) { holdfast.redraw(); connect(); } });
  window.addEventListener("pagehide", () => {
    const last = socket;
    socket = null;
    if (last?.readyState === WebSocket.OPEN) last.close();
  });
  document.addEventListener("holdfast:shown", shown);

  if (location.protocol.startsWith("http")) connect();
})();
