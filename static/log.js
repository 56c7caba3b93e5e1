// A run's log: follows until the reader looks elsewhere, reads on where they scroll to, finds, and is never redrawn.
"use strict";
(() => {
  const holdfast = window.holdfast;
  const MOST = 2000, PAGE = 500, NEAR = 24;
  const FLAGS = { 1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "swap", 9: "strike" };
  const STATUS = { warn: "late", error: "failed" };
  const NOUNS = { info: "line", warn: "warning", error: "error" };
  let section = null, box, list, follow, again, said;
  let level, missed, busy, detached; // detached: lines of the log follow those that are shown
  let fitting = 0, held = null, asked = 0;
  let countedTo = 0, uncounted = false, recounting = false; // how far the chips count, and whether lines were left out
  let hits = [], allHits = 0, at = -1, query = "", searched = 0;

  const part = (name) => section.querySelector(`[data-${name}]`);
  const all = () => list.querySelectorAll("[data-n]");
  const numberOf = (item) => Number(item?.dataset.n ?? 0);
  const first = () => numberOf(list.querySelector("[data-n]"));
  const last = () => numberOf([...all()].at(-1));
  const total = () => Number(section.dataset.from);
  const over = () => Boolean(document.querySelector(`[data-over="${section.dataset.log}"]`));
  const following = () => follow.getAttribute("aria-pressed") === "true";
  const atEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  const toEnd = () => { box.scrollTop = box.scrollHeight; };
  const count = (many, noun) => `${many.toLocaleString("en")} ${noun}${many === 1 ? "" : "s"}`;
  const fits = (lineLevel) => level === "info" || lineLevel === "error" || lineLevel === level;

  // What a reader has selected stays where it is.
  function selecting() {
    const chosen = getSelection();
    return !chosen.isCollapsed && list.contains(chosen.anchorNode);
  }

  function adopt() {
    const found = document.querySelector("[data-log]");
    if (!found) return;
    if (found === section) { tell(); return; }
    section = found;
    box = section.querySelector(".log");
    list = box.querySelector("ol");
    [follow, again, said] = ["follow", "again", "log-said"].map(part);
    level = section.dataset.level;
    missed = fitting = 0;
    busy = false;
    detached = "elsewhere" in section.dataset;
    held = null;
    countedTo = total();
    uncounted = false;
    for (const plain of section.querySelectorAll("[data-plain]")) plain.hidden = true;
    follow.addEventListener("click", () => setFollow(!following()));
    again.addEventListener("click", () => { setFollow(true); box.focus({ preventScroll: true }); });
    for (const link of section.querySelectorAll("a[data-level]")) link.addEventListener("click", (event) => { event.preventDefault(); filter(link.dataset.level); });
    part("log-search").addEventListener("submit", (event) => { event.preventDefault(); search(event.target.elements.q.value.trim()); });
    part("log-search").elements.q.addEventListener("search", (event) => { if (!event.target.value) search(""); });
    for (const button of section.querySelectorAll("[data-hit]")) button.addEventListener("click", () => step(Number(button.dataset.hit)));
    part("wrap").addEventListener("click", () => wrap(part("wrap").getAttribute("aria-pressed") !== "true"));
    box.addEventListener("scroll", scrolled, { passive: true });
    wrap(localStorage.getItem("log-wrap") !== "no");
    if (detached || linked()) follow.setAttribute("aria-pressed", "false");
    tell();
    if (linked()) reveal(linked());
    else if (!detached) toEnd();
    if (part("log-search").elements.q.value) search(part("log-search").elements.q.value.trim());
  }

  function setFollow(wanted) {
    follow.setAttribute("aria-pressed", String(wanted));
    if (wanted) {
      missed = 0;
      if (detached) showTail();
      else toEnd();
    }
    tell();
  }

  function wrap(wanted) {
    part("wrap").setAttribute("aria-pressed", String(wanted));
    box.classList.toggle("long", !wanted);
    localStorage.setItem("log-wrap", wanted ? "yes" : "no");
  }

  function tell() {
    follow.hidden = over();
    const words = [level === "info" ? count(total(), "line") : filtered()];
    if (following() && !over()) words.unshift("following");
    if (said.textContent !== words.join(", ")) said.textContent = words.join(", ");
    again.hidden = following() || (!missed && !detached && atEnd());
    const news = missed ? `${count(missed, "new line")}, ` : "";
    again.textContent = over() ? `${news}to the end` : `${news}follow again`;
    const none = part("none");
    none.hidden = Boolean(list.firstElementChild);
    if (level !== "info") none.textContent = "No line is of that level.";
  }

  function filtered() {
    const shown = all().length, many = count(Math.max(fitting, shown), NOUNS[level]);
    return shown < fitting ? `${detached ? "" : "the last "}${shown.toLocaleString("en")} of ${many}` : many;
  }

  function counted(name, many) {
    const place = section.querySelector(`a[data-level="${name}"] span`);
    const words = many.toLocaleString("en");
    if (place.textContent !== words) place.textContent = words;
  }

  const counts = () => Object.fromEntries(["info", "warn", "error"].map((name) => [name, Number(section.querySelector(`a[data-level="${name}"] span`).textContent.replaceAll(",", ""))]));

  function scrolled() {
    if (following() && !atEnd()) setFollow(false);
    else if (atEnd() && detached) readOn();
    else if (!following() && atEnd() && !over() && !selecting()) setFollow(true);
    else if (!again.hidden !== !atEnd()) tell();
    if (box.scrollTop < NEAR) readBack();
  }

  // A row is "2026-11-21T07:41:18.123Z warn message", as the log keeps it.
  function line(number, row) {
    const [at, lineLevel, ...text] = row.split(" ");
    const item = document.createElement("li");
    Object.assign(item, { id: `L${number}` });
    item.dataset.n = number;
    if (STATUS[lineLevel]) item.dataset.st = STATUS[lineLevel];
    const link = Object.assign(document.createElement("a"), { href: `#L${number}`, tabIndex: -1, textContent: number });
    const time = Object.assign(document.createElement("time"), { dateTime: at });
    time.dataset.as = "clock";
    const words = document.createElement("span");
    words.append(...painted(text.join(" ")));
    item.append(link, time, Object.assign(document.createElement("b"), { textContent: lineLevel }), words);
    return item;
  }

  // A colour stands in a text as "ESC[0;1;31m": all that holds from there on.
  function painted(text) {
    const [start, ...parts] = text.split(/\x1b\[0([;\d]*)m/);
    const pieces = [start];
    for (let place = 0; place < parts.length; place += 2) {
      const className = parts[place].split(";").filter(Boolean).map(look).join(" ");
      pieces.push(className ? Object.assign(document.createElement("span"), { className, textContent: parts[place + 1] }) : parts[place + 1]);
    }
    return pieces;
  }

  function look(code) {
    const flag = FLAGS[code], ten = Math.floor(code / 10);
    return flag ?? `${ten % 2 ? "ink" : "on"}-${code - 10 * ten + (ten > 4 ? 8 : 0)}`;
  }

  // Lines that arrive by themselves

  function arrived({ run, from, rows, skip = 0 }) {
    if (!section?.isConnected || run !== section.dataset.log) return;
    if (held) { held.push({ run, from, rows, skip }); return; }
    const fresh = rows.map((row, place) => [from + place, row]).filter(([number]) => number > total());
    if (!fresh.length) return;
    section.dataset.from = fresh.at(-1)[0];
    const levels = fresh.map(([, row]) => row.split(" ", 2)[1]);
    note(levels.filter((_, place) => fresh[place][0] > countedTo));
    uncounted ||= Boolean(skip);
    if (uncounted) recount();
    const wanted = fresh.filter((_, place) => fits(levels[place]));
    fitting += wanted.length;
    if (skip && following() && !selecting()) list.replaceChildren(); // scrolling up reads back what was left out
    else if (skip && !detached) { detached = true; } // scrolling down reads what was left out
    append(wanted.map(([number, row]) => line(number, row)), fresh.length);
  }

  function note(levels) {
    const before = counts();
    counted("info", total());
    counted("warn", before.warn + levels.filter((name) => STATUS[name]).length);
    counted("error", before.error + levels.filter((name) => name === "error").length);
    countedTo = Math.max(countedTo, total());
  }

  function noteAll(page) {
    [["info", page.total], ["warn", page.warnings + page.errors], ["error", page.errors]].forEach(([name, many]) => counted(name, many));
    countedTo = page.total;
    uncounted = false;
  }

  // Lines that were left out count as well: whoever has the whole log is asked.
  async function recount() {
    if (recounting) return;
    recounting = true;
    const page = await fetchLines({ after: total(), limit: 1 });
    recounting = false;
    if (page && page.run === section.dataset.log && page.total >= countedTo) noteAll(page);
  }

  // Lines that follow the last one shown; where that is not the log's, they come with its end.
  function append(lines, many) {
    const still = !following() || selecting();
    if (still && list.children.length + lines.length > MOST) detached = true;
    if (!detached) put(lines, "append");
    while (!still && list.children.length > MOST) list.firstElementChild.remove();
    if (still) missed += many;
    else toEnd();
    tell();
  }

  function put(lines, where) {
    const piece = document.createDocumentFragment();
    piece.append(...lines);
    holdfast.tellAll(piece);
    list[where](piece);
    mark();
  }

  // Lines that are asked for

  async function fetchLines(wanted) {
    const asks = new URLSearchParams({ limit: PAGE, level, ...wanted });
    const run = section.dataset.log;
    const answer = await fetch(`/runs/${run}/lines?${asks}`, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return null;
    const page = new DOMParser().parseFromString(`<ol>${await answer.text()}</ol>`, "text/html");
    const header = (name) => Number(answer.headers.get(`Log-${name}`));
    return { run, lines: [...page.querySelectorAll("li")], total: header("Total"), fitting: header("Fitting"), next: header("Next"), warnings: header("Warnings"), errors: header("Errors") };
  }

  async function readBack() {
    const before = first();
    if (busy || before <= 1) return;
    busy = true;
    const older = await fetchLines({ before });
    busy = false;
    if (!older?.lines.length || first() !== before) return;
    const height = box.scrollHeight;
    put(older.lines, "prepend");
    box.scrollTop += box.scrollHeight - height;
    while (list.children.length > MOST && !atEnd()) {
      list.lastElementChild.remove();
      detached = true;
    }
    tell();
  }

  async function readOn() {
    const after = last();
    if (busy || !detached) return;
    busy = true;
    const newer = await fetchLines({ after });
    busy = false;
    if (!newer || last() !== after) return;
    put(newer.lines, "append");
    detached = newer.next < newer.total;
    if (!detached) section.dataset.from = Math.max(total(), newer.total);
    missed = detached ? Math.max(missed - newer.lines.length, 0) : 0;
    while (list.children.length > MOST) {
      const height = list.firstElementChild.offsetHeight;
      list.firstElementChild.remove();
      box.scrollTop -= height;
    }
    tell();
  }

  // Other lines in place of those shown; what arrives meanwhile is kept until they stand.
  async function replace(wanted) {
    const mine = asked += 1;
    held ??= [];
    const page = await fetchLines(wanted);
    if (mine !== asked || !section.isConnected) return null;
    if (page) {
      list.replaceChildren();
      put(page.lines, "append");
      section.dataset.from = page.total;
      noteAll(page);
    }
    return { page };
  }

  function release() {
    const meanwhile = held ?? [];
    held = null;
    meanwhile.forEach(arrived);
  }

  async function showTail() {
    const got = await replace({});
    if (!got) return;
    if (got.page) { fitting = got.page.fitting; detached = false; missed = 0; }
    release();
    if (following() || over()) toEnd();
    tell();
  }

  function choose(wanted) {
    level = wanted;
    for (const link of section.querySelectorAll("a[data-level]")) {
      if (link.dataset.level === wanted) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function filter(wanted) {
    choose(wanted);
    if (query) search(query);
    return showTail();
  }

  // One line

  const linked = () => Number(/^#L(\d{1,9})$/.exec(location.hash)?.[1] ?? 0);

  async function reveal(number) {
    follow.setAttribute("aria-pressed", "false");
    asked += 1; // what was asked for before comes too late
    release();
    let item = document.getElementById(`L${number}`);
    if (!item) {
      const got = await replace({ after: Math.max(number - PAGE / 2, 0) });
      if (!got) return;
      if (got.page) detached = got.page.next < got.page.total;
      release();
      item = document.getElementById(`L${number}`);
      if (!item && got.page && level !== "info") { choose("info"); return reveal(number); } // a link shows its line, whatever was left out
      if (!item && got.page) return missing(number);
    }
    for (const other of list.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
    if (item) {
      item.setAttribute("aria-current", "true");
      box.scrollTop = item.offsetTop - list.offsetTop - box.clientHeight / 3;
      section.scrollIntoView({ block: "nearest" });
    }
    tell();
  }

  function missing(number) {
    holdfast.say("late", `This log has no line ${number.toLocaleString("en")}.`);
    detached = true;
    setFollow(true);
  }

  // Finding

  async function search(wanted) {
    query = wanted;
    [hits, allHits, at] = [[], 0, -1];
    const mine = searched += 1;
    part("hits").hidden = !wanted;
    mark();
    if (!wanted) return;
    tellHits("looking");
    const asks = new URLSearchParams({ q: wanted, level });
    const answer = await fetch(`/runs/${section.dataset.log}/log?${asks}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (mine !== searched) return;
    if (!answer?.ok) { tellHits("could not be searched"); return; }
    ({ numbers: hits, hits: allHits } = await answer.json());
    const top = [...all()].find((item) => item.offsetTop - list.offsetTop >= box.scrollTop);
    const from = hits.findIndex((number) => number >= numberOf(top));
    at = (from < 0 ? 0 : from) - 1;
    if (hits.length) await step(1);
    else tellHits("no line has it");
  }

  async function step(by) {
    if (!hits.length) return;
    at = (at + by + hits.length) % hits.length;
    tellHits(`${(at + 1).toLocaleString("en")} of ${allHits.toLocaleString("en")}${hits.length < allHits ? `, the first ${hits.length.toLocaleString("en")} can be gone to` : ""}`);
    await reveal(hits[at]);
    mark();
  }

  function tellHits(words) { part("hits-said").textContent = words; }

  // Hits are painted over the text, which stays as it is: so a selection does too.
  function mark() {
    if (!CSS.highlights) return;
    const wanted = query.toLowerCase(), found = [], here = [];
    if (wanted) for (const item of all()) (numberOf(item) === hits[at] ? here : found).push(...rangesIn(item.lastElementChild, wanted));
    CSS.highlights.set("log-hit", new Highlight(...found));
    CSS.highlights.set("log-hit-here", new Highlight(...here));
  }

  function* rangesIn(element, wanted) {
    const texts = [], walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let length = 0; walker.nextNode(); length += walker.currentNode.length) texts.push([length, walker.currentNode]);
    const whole = element.textContent.toLowerCase();
    if (whole.length !== element.textContent.length) return; // some letters grow when they are made small
    const place = (offset) => texts.findLast(([start]) => start <= offset);
    for (let start = whole.indexOf(wanted); start >= 0; start = whole.indexOf(wanted, start + wanted.length)) {
      const range = new Range(), [begin, node] = place(start), end = start + wanted.length;
      const [ending, lastNode] = place(end - 1);
      range.setStart(node, start - begin);
      range.setEnd(lastNode, end - ending);
      yield range;
    }
  }

  // How fast the run was: a value every ten seconds, as the page already tells it.

  const SCALES = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

  function sample() {
    const place = document.querySelector("[data-rates]"), told = document.querySelector("[data-f=r]")?.textContent ?? "";
    const [amount, unit = ""] = told.replaceAll(",", "").split(" ");
    const rate = Number(amount) * (SCALES[unit.replace("/s", "")] ?? 1);
    if (!place || Number.isNaN(rate) || document.hidden) return;
    const rates = [...place.dataset.rates.split(" ").filter(Boolean).map(Number), rate].slice(-60);
    place.dataset.rates = rates.join(" ");
    const top = Math.max(...rates);
    if (rates.length < 2 || !top) return;
    const path = `M${rates.map((value, index) => `${(100 * index / (rates.length - 1)).toFixed(1)} ${(26 - 22 * value / top).toFixed(1)}`).join("L")}`;
    const shape = (className, d) => { const made = document.createElementNS("http://www.w3.org/2000/svg", "path"); made.setAttribute("class", className); made.setAttribute("d", d); return made; };
    place.firstElementChild.replaceChildren(shape("a", `${path}V28H0z`), shape("p", path));
  }

  document.addEventListener("click", async (event) => {
    if (!event.target.closest("[data-copy-link]")) return;
    const address = location.href.replace(/#(?!L\d).*$/, "");
    await navigator.clipboard?.writeText(address).then(() => holdfast.say("ok", "Copied."), () => holdfast.say("late", `The address is ${address}`, true));
  });

  document.addEventListener("selectionchange", () => {
    if (section?.isConnected && following() && missed && !selecting()) setFollow(true);
  });

  // Where the socket fails the lines are asked for as well.
  document.addEventListener("holdfast:polled", async () => {
    if (!section?.isConnected) return;
    const page = await fetchLines({ after: total() });
    if (held || !page) return;
    noteAll(page);
    const lines = page.lines.filter((item) => numberOf(item) > total());
    if (!lines.length) return;
    section.dataset.from = numberOf(lines.at(-1));
    fitting += lines.length;
    append(lines, lines.length);
  });
  document.addEventListener("holdfast:log", (event) => arrived(event.detail));
  document.addEventListener("holdfast:shown", adopt);
  addEventListener("hashchange", () => { if (section?.isConnected && linked()) reveal(linked()); });
  setInterval(sample, 10000);
  adopt();
})();
