// Follows a run's log until the reader scrolls up, and reads back where they scroll to.
"use strict";
(() => {
  const MOST = 2000, PAGE = 500, NEAR = 24;
  const FLAGS = { 1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "swap", 9: "strike" };
  const STATUS = { warn: "late", error: "failed" };
  let section = null, box, list, follow, only, said, missed, busy;
  let detached; // the list ends before the log does, as lines were let go at its end
  let fitting;  // how many warnings there are while only they are shown
  let held, asked = 0;

  function adopt() {
    const found = document.querySelector("[data-log]");
    if (!found) return;
    if (found === section) { tell(); return; }
    section = found;
    box = section.querySelector(".log");
    list = box.querySelector("ol");
    said = section.querySelector("[data-log-said]");
    follow = section.querySelector("[data-follow]");
    only = section.querySelector("[data-only-warnings]");
    missed = fitting = 0;
    busy = detached = false;
    held = null;
    only.hidden = false;
    follow.addEventListener("click", () => setFollow(follow.getAttribute("aria-pressed") !== "true"));
    only.addEventListener("click", () => filter(only.getAttribute("aria-pressed") !== "true"));
    box.addEventListener("scroll", scrolled, { passive: true });
    tell();
    toEnd();
  }

  const following = () => follow.getAttribute("aria-pressed") === "true";
  const filtered = () => only.getAttribute("aria-pressed") === "true";
  const atEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  const toEnd = () => { box.scrollTop = box.scrollHeight; };
  const total = () => Number(section.dataset.from);
  const over = () => Boolean(document.querySelector(`[data-over="${section.dataset.log}"]`));

  function setFollow(wanted) {
    follow.setAttribute("aria-pressed", String(wanted));
    if (wanted) {
      missed = 0;
      if (detached) showTail();
      else toEnd();
    }
    tell();
  }

  const number = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  function tell() {
    follow.hidden = over();
    const parts = [filtered() ? warnings() : number(total(), "line")];
    if (following() && !over()) parts.unshift("following");
    else if (missed) parts.push(`${missed.toLocaleString("en")} new`);
    said.textContent = parts.join(", ");
  }

  function warnings() {
    const shown = list.querySelectorAll("[data-n]").length;
    const all = number(Math.max(fitting, shown), "warning");
    return shown < fitting ? `${detached ? "" : "the last "}${shown.toLocaleString("en")} of ${all}` : all;
  }

  function scrolled() {
    if (following() && !atEnd()) setFollow(false);
    else if (!following() && atEnd() && (missed || detached)) setFollow(true);
    if (box.scrollTop < NEAR) readBack();
  }

  // A row is "2026-11-21T07:41:18.123Z warn message", as the log keeps it.
  function line(number, row) {
    const [at, level, ...text] = row.split(" ");
    const item = document.createElement("li");
    item.dataset.n = number;
    if (STATUS[level]) item.dataset.st = STATUS[level];
    const time = Object.assign(document.createElement("time"), { dateTime: at });
    time.dataset.as = "clock";
    const said = document.createElement("span");
    said.append(...painted(text.join(" ")));
    item.append(time, Object.assign(document.createElement("b"), { textContent: level }), said);
    return item;
  }

  // A colour stands in a text as "ESC[0;1;31m": all that holds from there on.
  function painted(text) {
    const [first, ...parts] = text.split(/\x1b\[0([;\d]*)m/);
    const pieces = [first];
    for (let at = 0; at < parts.length; at += 2) {
      const className = parts[at].split(";").filter(Boolean).map(look).join(" ");
      pieces.push(className ? Object.assign(document.createElement("span"), { className, textContent: parts[at + 1] }) : parts[at + 1]);
    }
    return pieces;
  }

  function look(code) {
    const flag = FLAGS[code], ten = Math.floor(code / 10);
    return flag ?? `${ten % 2 ? "ink" : "on"}-${code - 10 * ten + (ten > 4 ? 8 : 0)}`;
  }

  function arrived({ run, from, rows, skip = 0 }) {
    if (!section?.isConnected || run !== section.dataset.log) return;
    if (held) { held.push({ run, from, rows, skip }); return; }
    const fresh = rows.map((row, place) => [from + place, row]).filter(([number]) => number > total());
    if (!fresh.length) return;
    section.dataset.from = fresh.at(-1)[0];
    const wanted = filtered() ? fresh.filter(([, row]) => STATUS[row.split(" ", 2)[1]]) : fresh;
    fitting += wanted.length;
    if (skip && following()) list.replaceChildren(); // scrolling up reads back what was left out
    else if (skip && !filtered() && !detached) list.append(gap(skip));
    append(wanted.map(([number, row]) => line(number, row)), fresh.length);
  }

  // Lines that follow the list's last one; where that is not the log's, they come with its end.
  function append(lines, count) {
    if (!detached) list.append(...lines);
    while (list.children.length > MOST && following()) list.firstElementChild.remove();
    window.holdfast.tellAll(list);
    if (following()) toEnd();
    else missed += count;
    tell();
  }

  function gap(lines) {
    const item = document.createElement("li");
    item.append(document.createElement("time"), document.createElement("b"));
    item.append(Object.assign(document.createElement("span"), { textContent: `${lines.toLocaleString("en")} lines are not shown here; the download has them.` }));
    return item;
  }

  async function fetchLines(wanted) {
    const query = new URLSearchParams({ limit: PAGE, level: filtered() ? "warn" : "info", ...wanted });
    const answer = await fetch(`/runs/${section.dataset.log}/lines?${query}`, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return null;
    const page = new DOMParser().parseFromString(`<ol>${await answer.text()}</ol>`, "text/html");
    const count = (name) => Number(answer.headers.get(name));
    return { lines: [...page.querySelectorAll("li")], total: count("Log-Total"), fitting: count("Log-Fitting") };
  }

  async function readBack() {
    const first = Number(list.querySelector("[data-n]")?.dataset.n ?? 0);
    if (busy || first <= 1) return;
    busy = true;
    const older = await fetchLines({ before: first });
    busy = false;
    if (!older?.lines.length || Number(list.querySelector("[data-n]")?.dataset.n) !== first) return;
    const height = box.scrollHeight;
    list.prepend(...older.lines);
    box.scrollTop += box.scrollHeight - height;
    while (list.children.length > MOST && !atEnd()) {
      list.lastElementChild.remove();
      detached = true;
    }
    window.holdfast.tellAll(list);
    tell();
  }

  // The end of the log as it is now; what arrives meanwhile is kept until it stands.
  async function showTail() {
    const mine = asked += 1;
    held ??= [];
    const end = await fetchLines({});
    if (mine !== asked || !section.isConnected) return;
    if (end) {
      list.replaceChildren(...end.lines);
      section.dataset.from = end.total;
      fitting = end.fitting;
      detached = false;
      window.holdfast.tellAll(list);
    }
    const meanwhile = held;
    held = null;
    meanwhile.forEach(arrived);
    if (following()) toEnd();
    tell();
  }

  function filter(wanted) {
    only.setAttribute("aria-pressed", String(wanted));
    return showTail();
  }

  // Where the socket fails the lines are asked for as well.
  document.addEventListener("holdfast:polled", async () => {
    if (!section?.isConnected) return;
    const lines = (await fetchLines({ after: total() }))?.lines.filter((item) => Number(item.dataset.n) > total()) ?? [];
    if (held || !lines.length) return;
    section.dataset.from = lines.at(-1).dataset.n;
    fitting += lines.length;
    append(lines, lines.length);
  });
  document.addEventListener("holdfast:log", (event) => arrived(event.detail));
  document.addEventListener("holdfast:shown", adopt);
  adopt();
})();
