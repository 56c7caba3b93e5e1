// One list of jobs, runs, destinations, pages, settings and commands; what was chosen last comes first.
"use strict";
(() => {
  const { holdfast } = window;
  const WAIT = 60, MOST_RECENT = 5;
  const LAST = `recent:${document.querySelector("#person bdi").textContent}`; // requests.js forgets it when somebody signs out

  let dialog, field, list, said, found = [], at = 0, asked = null, later = 0, known = "";

  const made = (name, fields = {}, ...inside) => {
    const element = Object.assign(document.createElement(name), fields);
    element.append(...inside);
    return element;
  };

  function build() {
    field = made("input", { type: "text", placeholder: "Search or run a command", autocomplete: "off", spellcheck: false, autofocus: true, maxLength: 200 });
    field.setAttribute("aria-label", "Search or run a command");
    list = made("div", { id: "palette-list" });
    said = made("span", { role: "status" });
    dialog = made("dialog", { className: "palette" }, field, list, made("p", {}, said, made("span", { className: "md", textContent: "Enter opens, arrows choose, Esc closes" })));
    dialog.setAttribute("aria-label", "Search or run a command");
    for (const [name, value] of [["role", "combobox"], ["aria-expanded", "true"], ["aria-autocomplete", "list"], ["aria-controls", list.id]]) field.setAttribute(name, value);
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "What was found");
    field.addEventListener("input", () => { clearTimeout(later); later = setTimeout(ask, WAIT); });
    field.addEventListener("keydown", pressed);
    list.addEventListener("mousemove", ({ target }) => { const option = target.closest("[role=option]"); if (option) choose([...list.children].indexOf(option)); });
    list.addEventListener("click", ({ target, ctrlKey, metaKey }) => { if (target.closest("[role=option]")) take(ctrlKey || metaKey); });
    dialog.addEventListener("click", ({ target }) => { if (target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => asked?.abort());
    document.body.append(dialog);
  }

  function pressed(event) {
    if (event.isComposing) return;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in steps) {
      const far = Math.abs(steps[event.key]) > 1;
      choose(far ? Math.min(found.length - 1, Math.max(0, at + steps[event.key])) : (at + steps[event.key] + found.length) % (found.length || 1));
    } else if (event.key === "Enter") {
      if (known === field.value) take(event.ctrlKey || event.metaKey);
      else ask().then(() => take(false)); // what is typed decides, not what was found for less of it
    } else return;
    event.preventDefault();
  }

  async function ask() {
    clearTimeout(later);
    asked?.abort();
    const mine = asked = new AbortController();
    const typed = field.value;
    const lines = await search(typed, mine.signal).catch(() => null);
    if (mine.signal.aborted) return;
    known = typed;
    draw(typed.trim() ? lines ?? [] : recentFirst(lines ?? []));
    if (!typed.trim()) tell("Type to find jobs, runs and settings too.");
    if (!lines) tell("The server does not answer. Pages that are open stay as they are.");
  }

  async function search(typed, signal) {
    const answer = await fetch(`/palette?q=${encodeURIComponent(typed)}`, { signal, headers: { Accept: "application/json" } });
    if (answer.status === 401) location.reload();
    return answer.ok ? answer.json() : null;
  }

  function recentFirst(lines) {
    const recent = remembered().map((line) => ({ ...line, about: `Recent · ${line.about}` }));
    const addresses = new Set(recent.map((line) => line.address));
    return [...recent, ...lines.filter((line) => line.fields || !addresses.has(line.address))];
  }

  function remembered() {
    try {
      return JSON.parse(localStorage.getItem(LAST) ?? "[]").filter((line) => line.address?.startsWith("/") && !line.address.startsWith("//"));
    } catch {
      return [];
    }
  }

  function remember({ word, about, icon, st, address }) {
    const others = remembered().filter((line) => line.address !== address);
    localStorage.setItem(LAST, JSON.stringify([{ word, about, icon, st, address }, ...others].slice(0, MOST_RECENT)));
  }

  function draw(lines) {
    found = lines;
    list.replaceChildren(...lines.map(option));
    field.setAttribute("aria-expanded", String(lines.length > 0));
    tell(lines.length ? `${lines.length} found` : "Nothing is called that. Try fewer letters.");
    choose(0);
  }

  function tell(text) {
    if (said.textContent !== text) said.textContent = text;
  }

  function option({ word, about, icon, st }, place) {
    const line = made("div", { id: `found-${place}` }, holdfast.icon(icon ?? "i-right"), made("bdi", { textContent: word }), made("span", { className: "sub", textContent: about ?? "" }));
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", "false");
    if (st) line.dataset.st = st;
    return line;
  }

  function choose(place) {
    list.children[at]?.setAttribute("aria-selected", "false");
    at = place;
    const line = list.children[at];
    line?.setAttribute("aria-selected", "true");
    line?.scrollIntoView({ block: "nearest" });
    if (line) field.setAttribute("aria-activedescendant", line.id);
    else field.removeAttribute("aria-activedescendant");
  }

  function take(aside) {
    const line = found[at];
    if (!line) return;
    dialog.close();
    if (line.opens) { holdfast.open(line.opens); return; }
    if (line.fields) { post(line); return; }
    remember(line);
    if (aside) window.open(line.address, "_blank", "noopener");
    else location.assign(line.address);
  }

  function post({ address, fields }) {
    const form = made("form", { method: "post", action: address, hidden: true });
    const all = { csrf: holdfast.token, back: location.pathname + location.search, ...fields };
    for (const [name, value] of Object.entries(all)) form.append(made("input", { type: "hidden", name, value }));
    document.body.append(form);
    form.requestSubmit();
  }

  holdfast.palette = () => {
    if (!dialog) build();
    if (dialog.open) return;
    field.value = "";
    found = [];
    list.replaceChildren();
    dialog.showModal(); // closing it gives the focus back to where it was
    ask();
  };
})();
