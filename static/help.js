// The sheet of shortcuts: those that work everywhere, and those of this page.
"use strict";
(() => {
  const made = (name, fields = {}, ...inside) => {
    const element = Object.assign(document.createElement(name), fields);
    element.append(...inside);
    return element;
  };

  const EVERYWHERE = [["Search or run a command", "Ctrl", "K"], ["Search this page", "/"], ["New job", "N"], ["This sheet", "?"], ["Close what is open", "Esc"]];
  const LISTS = [["Next row", "J"], ["Row before", "K"], ["Open the row", "O"], ["Select the row", "X"]];

  function words(element) {
    return element.dataset.keySays || element.getAttribute("aria-label") || element.textContent.trim();
  }

  function here() {
    const found = new Map();
    for (const element of document.querySelectorAll("main [data-key]")) {
      if (!found.has(element.dataset.key)) found.set(element.dataset.key, [words(element), element.dataset.key.toUpperCase()]);
    }
    return [...found.values()];
  }

  function sections() {
    return [...document.querySelectorAll(".side [data-go]")].map((way) => [way.querySelector("span").textContent, "G", way.dataset.go.toUpperCase()]);
  }

  function group(title, lines) {
    if (!lines.length) return "";
    const list = made("dl");
    for (const [said, ...keys] of lines) {
      const pressed = made("dd");
      keys.forEach((key, place) => pressed.append(place ? (key === "K" && keys[0] === "Ctrl" ? " + " : " then ") : "", made("kbd", { textContent: key })));
      list.append(made("dt", { textContent: said }), pressed);
    }
    return made("section", {}, made("h3", { textContent: title }), list);
  }

  function sheet() {
    const off = document.body.dataset.shortcuts === "off";
    const close = made("button", { type: "button", className: "btn", textContent: "Close", autofocus: true });
    const dialog = made("dialog", { className: "sheet" },
      made("div", { className: "first" }, made("h2", { textContent: "Keyboard shortcuts", id: "sheet-title" }), close),
      made("p", { className: "sub", textContent: off ? "They are switched off, all but Ctrl K. The menu with your name switches them on." : "They rest while you type in a field. The menu with your name switches them off." }),
      made("div", { className: "keys" }, group("On this page", here()), group("Everywhere", EVERYWHERE), group("In a list", LISTS), group("Go to", sections())));
    dialog.setAttribute("aria-labelledby", "sheet-title");
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", ({ target }) => { if (target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => dialog.remove());
    return dialog;
  }

  window.holdfast.help = () => {
    const dialog = sheet();
    document.body.append(dialog);
    dialog.showModal();
  };
})();
