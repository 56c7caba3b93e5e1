// Follows a run's log until the reader scrolls up, and reads back where they scroll to.
"use strict";
(() => {
  const MOST = 2000, PAGE = 500, NEAR = 24;
  const STATUS = { warn: "late", error: "failed" };
  let section = null, box, list, follow, only, said, missed, busy;

  function adopt() {
    const found = document.querySelector("[data-log]");
    if (!found || found === section) return;
    section = found;
    box = section.querySelector(".log");
    list = box.querySelector("ol");
    said = section.querySelector("[data-log-said]");
    follow = section.querySelector("[data-follow]");
    only = section.querySelector("[data-only-warnings]");
    missed = 0;
    busy = false;
    follow.hidden = only.hidden = false;
    follow.addEventListener("click", () => setFollow(follow.getAttribute("aria-pressed") !== "true"));
    only.addEventListener("click", () => filter(only.getAttribute("aria-pressed") !== "true"));
    box.addEventListener("scroll", scrolled, { passive: true });
    toEnd();
  }

  const following = () => follow.getAttribute("aria-pressed") === "true";
  const filtered = () => only.getAttribute("aria-pressed") === "true";
  const atEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  const toEnd = () => { box.scrollTop = box.scrollHeight; };
  const total = () => Number(section.dataset.from);

  function setFollow(wanted) {
    follow.setAttribute("aria-pressed", String(wanted));
    if (wanted) { missed = 0; toEnd(); }
    tell();
  }

  function tell() {
    const lines = `${total().toLocaleString("en")} ${total() === 1 ? "line" : "lines"}`;
    said.textContent = following() ? `following, ${lines}` : missed ? `${lines}, ${missed.toLocaleString("en")} new` : lines;
  }

  function scrolled() {
    if (following() && !atEnd()) setFollow(false);
    else if (!following() && atEnd() && missed) setFollow(true);
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
    const parts = [["b", level], ["span", text.join(" ")]];
    item.append(time, ...parts.map(([tag, words]) => Object.assign(document.createElement(tag), { textContent: words })));
    return item;
  }

  function arrived({ run, from, rows, skip = 0 }) {
    if (!section?.isConnected || run !== section.dataset.log) return;
    const fresh = rows.map((row, place) => [from + place, row]).filter(([number]) => number > total());
    if (!fresh.length) return;
    section.dataset.from = fresh.at(-1)[0];
    const wanted = filtered() ? fresh.filter(([, row]) => STATUS[row.split(" ", 2)[1]]) : fresh;
    if (skip && following()) list.replaceChildren(); // scrolling up reads back what was left out
    else if (skip && !filtered()) list.append(gap(skip));
    list.append(...wanted.map(([number, row]) => line(number, row)));
    while (list.children.length > MOST && following()) list.firstElementChild.remove();
    window.holdfast.tellAll(list);
    if (following()) toEnd();
    else missed += fresh.length;
    tell();
  }

  function gap(lines) {
    const item = document.createElement("li");
    item.append(document.createElement("time"), document.createElement("b"));
    item.append(Object.assign(document.createElement("span"), { textContent: `${lines.toLocaleString("en")} lines are not shown here; the download has them.` }));
    return item;
  }

  async function fetchLines(after, limit) {
    const query = new URLSearchParams({ after, limit, level: filtered() ? "warn" : "info" });
    const answer = await fetch(`/runs/${section.dataset.log}/lines?${query}`, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return [];
    return [...new DOMParser().parseFromString(`<ol>${await answer.text()}</ol>`, "text/html").querySelectorAll("li")];
  }

  async function readBack() {
    const first = Number(list.querySelector("[data-n]")?.dataset.n ?? 0);
    if (busy || first <= 1 || filtered()) return;
    busy = true;
    const start = Math.max(0, first - 1 - PAGE);
    const older = await fetchLines(start, first - 1 - start);
    const height = box.scrollHeight;
    list.prepend(...older);
    box.scrollTop += box.scrollHeight - height;
    while (list.children.length > MOST && !atEnd()) list.lastElementChild.remove();
    window.holdfast.tellAll(list);
    busy = false;
  }

  async function filter(wanted) {
    only.setAttribute("aria-pressed", String(wanted));
    const lines = await fetchLines(wanted ? 0 : Math.max(0, total() - PAGE), PAGE);
    list.replaceChildren(...lines);
    window.holdfast.tellAll(list);
    if (following()) toEnd();
  }

  // Where the socket fails the lines are asked for as well.
  document.addEventListener("holdfast:polled", async () => {
    if (!section?.isConnected) return;
    const lines = (await fetchLines(total(), PAGE)).filter((item) => Number(item.dataset.n) > total());
    if (!lines.length) return;
    section.dataset.from = lines.at(-1).dataset.n;
    list.append(...lines);
    window.holdfast.tellAll(list);
    if (following()) toEnd();
    else missed += lines.length;
    tell();
  });
  document.addEventListener("holdfast:log", (event) => arrived(event.detail));
  document.addEventListener("holdfast:shown", adopt);
  adopt();
})();
