// The list of jobs: rows that open, one menu for all rows, what is selected, and what a search can say.
"use strict";
(() => {
  const list = document.getElementById("list");
  if (!list) return;
  const rowOf = (element) => element.closest("tbody[data-job]");
  const opened = new Map(); // id of a job: the row that was opened below its own
  const picked = new Set();

  // Rows that open: loaded on first opening, kept while the page lives.

  async function open(button) {
    const body = rowOf(button), id = body.dataset.job;
    const more = opened.get(id);
    if (more?.isConnected) { more.remove(); mark(body, false); opened.get(id).closed = true; return; }
    if (more) { more.closed = false; body.append(more); mark(body, true); return; }
    const row = document.createElement("tr"), cell = document.createElement("td");
    row.className = "more";
    row.id = `more-${id}`;
    cell.colSpan = 8;
    row.append(cell);
    opened.set(id, row);
    body.append(row);
    mark(body, true);
    await htmx.ajax("GET", `/jobs/${id}/more`, { source: cell, target: cell, swap: "innerHTML" });
  }

  function mark(body, isOpen) {
    const button = body.querySelector("[data-more]");
    button?.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) button?.setAttribute("aria-controls", `more-${body.dataset.job}`);
    else button?.removeAttribute("aria-controls");
  }

  // Actions: one menu, which says what can be done to the row that it was opened from.

  const menu = document.getElementById("row-menu");
  let about = null, anchor = null;

  function showMenu(button) {
    const again = about === rowOf(button) && menu.matches(":popover-open");
    menu.hidePopover();
    if (again) return;
    about = rowOf(button);
    anchor = button;
    const can = about.querySelector("[data-can]").dataset.can.split(" ");
    for (const item of menu.querySelectorAll("[data-verb]")) {
      const verb = item.dataset.verb, always = !can.includes("keep") && (verb === "delete" || verb === "duplicate");
      item.hidden = !always && !can.includes(verb);
      item.formAction = `/jobs/${about.dataset.job}/${verb}`;
    }
    for (const item of menu.querySelectorAll("[data-way]")) item.href = `/jobs/${about.dataset.job}${item.dataset.way}`;
    menu.showPopover({ source: button });
    menu.querySelector(":is(a, button):not([hidden])")?.focus();
  }

  menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...menu.querySelectorAll(":is(a, button):not([hidden])")].filter((item) => item.checkVisibility());
    items[(items.indexOf(document.activeElement) + step + items.length) % items.length]?.focus();
  });

  // A press in a row is answered by that row.
  document.getElementById("act").addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button || "leads" in button.dataset) return;
    const body = rowOf(button) ?? about;
    if (!body) return;
    event.preventDefault();
    if (menu.matches(":popover-open")) { menu.hidePopover(); anchor?.focus(); }
    const values = { back: event.target.elements.back.value };
    const id = body.dataset.job, row = document.getElementById(`row-${id}`), verb = new URL(button.formAction).pathname.split("/").at(-1);
    await htmx.ajax("POST", button.formAction, { source: row, target: row, swap: "outerMorph", values });
    if (verb === "delete") going(id, body);
    restore();
  });

  function going(id, body) {
    const undo = body.querySelector(`[formaction="/jobs/${id}/keep"]`);
    if (!undo) return;
    const name = body.querySelector(".name").textContent;
    window.holdfast.say("cancelled", `${name} is being deleted. Until that is done it can be kept.`, { action: { word: "Undo", address: `/jobs/${id}/keep` } });
  }

  // Selection

  const boxes = () => [...list.querySelectorAll("input[name=ids]")];
  const bar = document.getElementById("bulk");
  const all = bar?.querySelector("[name=all]");
  let last = null;

  function pick(box, event) {
    const every = boxes();
    if (event?.shiftKey && last && every.includes(last)) {
      const [from, to] = [every.indexOf(last), every.indexOf(box)].sort((one, other) => one - other);
      for (const between of every.slice(from, to + 1)) between.checked = box.checked;
    }
    last = box;
    count();
  }

  function count() {
    picked.clear();
    for (const box of boxes()) if (box.checked) picked.add(box.value);
    if (all && picked.size < boxes().length) all.checked = false; // who takes one out does not mean all of them
    const page = list.querySelector("[data-page]");
    if (page) {
      page.checked = picked.size > 0 && picked.size === boxes().length;
      page.indeterminate = picked.size > 0 && !page.checked;
    }
    const number = bar?.querySelector("[data-picked]");
    if (number) number.textContent = all?.checked ? all.dataset.total : String(picked.size);
  }

  function pickAll(checked) {
    for (const box of boxes()) box.checked = checked;
    count();
  }

  list.addEventListener("click", (event) => {
    const target = event.target;
    if (target.closest("[data-more]")) open(target.closest("[data-more]"));
    else if (target.closest("[data-menu]")) showMenu(target.closest("[data-menu]"));
    else if (target.matches("input[name=ids]")) pick(target, event);
    else if (target.matches("[data-page]")) pickAll(target.checked);
  });
  bar?.addEventListener("click", (event) => {
    if (event.target.closest("[data-none]")) { if (all) all.checked = false; pickAll(false); }
    else if (event.target === all) all.checked ? pickAll(true) : count();
  });

  // What is open and selected outlives a list that is drawn again.

  function restore() {
    for (const body of list.querySelectorAll("tbody[data-job]")) {
      const more = opened.get(body.dataset.job);
      if (more && !more.closed) {
        if (!more.isConnected) body.append(more);
        mark(body, true);
      }
    }
    for (const box of boxes()) box.checked ||= all?.checked || picked.has(box.value);
    count();
  }
  document.addEventListener("htmx:after:swap", restore);
  document.addEventListener("holdfast:shown", restore);

  // A row whose job is gone says so, and has nothing to press any more.
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const mark = target.dataset.v === "gone" && target.querySelector(".st");
      if (mark) mark.lastChild.textContent = "Deleted";
    }
  }).observe(list, { subtree: true, attributeFilter: ["data-v"] });

  // A search: what can be typed goes on from what was typed.

  const search = document.getElementById("q"), terms = document.getElementById("terms");
  const known = [...terms.children].map((option) => option.value);
  search.addEventListener("input", () => {
    const before = search.value.slice(0, search.value.lastIndexOf(" ") + 1);
    if (terms.dataset.before === before) return;
    terms.dataset.before = before;
    terms.replaceChildren(...known.map((term) => Object.assign(document.createElement("option"), { value: before + term })));
  });
  count();
})();
