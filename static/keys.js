// Shortcuts: single keys, never while somebody types, never with another key held, and none where they are switched off.
"use strict";
(() => {
  const SOON = 1200;
  const FLOATING = "dialog[open], [popover]:popover-open";
  const find = document.querySelector("[data-find]");
  let leading = 0; // until when a G is followed by a letter

  const typing = (element) => Boolean(element?.closest("input:not([type=checkbox], [type=radio], [type=button]), select, textarea, [contenteditable], [role=combobox]"));
  const shown = (element) => element.checkVisibility?.({ visibilityProperty: true }) ?? true;

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open("palette");
      return;
    }
    if (document.body.dataset.shortcuts === "off" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || document.querySelector(FLOATING)) return;
    const key = event.key.toLowerCase();
    if (event.shiftKey && /^\p{L}$/u.test(key)) return; // signs need it on some keyboards
    if (act(key)) event.preventDefault();
  });

  function act(key) {
    const led = Date.now() < leading;
    leading = 0;
    if (led) return go(key);
    switch (key) {
      case "g": leading = Date.now() + SOON; return true;
      case "?": return open("help");
      case "/": return search();
      case "n": return !document.body.classList.contains("reads-only") && visit("/jobs/new");
      case "j": return move(1);
      case "k": return move(-1);
      case "x": return press(present()?.querySelector("input[type=checkbox]"));
      case "o": return press(present()?.querySelector("[data-open], a[href]"));
      default: return press(document.querySelector(`main [data-key="${CSS.escape(key)}"]`));
    }
  }

  // A section's key stands at its way in the navigation.
  const go = (key) => press(document.querySelector(`.side [data-go="${CSS.escape(key)}"]`));

  function visit(address) {
    location.assign(address);
    return true;
  }

  function press(element) {
    if (!element || element.disabled || !(shown(element) || element.closest(".side"))) return false;
    element.click();
    return true;
  }

  function search() {
    const field = [...document.querySelectorAll("main [type=search], main [name=q]")].find(shown);
    if (!field) return open("palette");
    field.focus();
    field.select();
    return true;
  }

  // Lists

  const rows = () => [...document.querySelectorAll("main tbody > tr, main .rows > li")].filter((row) => shown(row) && row.querySelector("a[href]"));
  const present = () => document.activeElement?.closest("main :is(tbody > tr, .rows > li)");

  function move(step) {
    const all = rows();
    if (!all.length) return false;
    const at = all.indexOf(present());
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
    next.querySelector("a[href]").focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  // What is rarely needed comes when it is asked for.

  const coming = {};

  function open(name) {
    coming[name] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      Object.assign(script, { src: document.body.dataset[name], onload: resolve, onerror: reject });
      document.head.append(script);
    });
    coming[name].then(() => window.holdfast[name]()).catch(() => {
      delete coming[name];
      window.holdfast.say("late", "This could not be fetched. Try again once the page is live.");
    });
    return true;
  }

  window.holdfast.open = open;
  find.setAttribute("aria-haspopup", "dialog");
  find.form.addEventListener("submit", (event) => { event.preventDefault(); open("palette"); });
  document.querySelector("[data-open-help]").addEventListener("click", ({ target }) => {
    target.closest("[popover]").hidePopover();
    open("help");
  });
})();
