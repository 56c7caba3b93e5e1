// What people do by a button: carries the session's token, and says where it went wrong.
"use strict";
(() => {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const toasts = document.getElementById("toasts");

  document.addEventListener("htmx:config:request", (event) => {
    event.detail.ctx.request.headers["X-CSRF-Token"] = token;
  });

  // An answer that is an error page is not a piece of this one: its sentence is told instead.
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (!ctx.response || ctx.response.status < 400) return;
    event.preventDefault();
    const page = new DOMParser().parseFromString(ctx.text, "text/html");
    const said = ["[data-problem]", "[data-hint]"].map((part) => page.querySelector(part)?.textContent ?? "");
    say("failed", said.join(" ").trim() || "It was not done. Reload the page, then try again.", { stays: true });
  });

  document.addEventListener("htmx:error", (event) => {
    const { ctx } = event.detail;
    if (ctx?.sourceElement?.id === "job-form") return; // only a check; the mark tells of the connection
    if (ctx && !ctx.response && !ctx.request?.signal?.aborted && ctx.request?.method !== "GET") {
      say("failed", "The server does not answer, so it is not known whether this was done. Look here again once the page is live.", { stays: true });
    }
  });

  // A form that was taken needs its draft no more.
  if (!document.getElementById("job-form")) sessionStorage.removeItem(sessionStorage.getItem("draft-sent"));
  sessionStorage.removeItem("draft-sent");

  // What somebody typed waits in this tab for them to come back, and is gone as soon as somebody else signs in.
  const OWNER = "drafts-of", writer = document.querySelector("#person bdi").textContent;
  if ((sessionStorage.getItem(OWNER) ?? writer) !== writer) forgetDrafts();
  sessionStorage.setItem(OWNER, writer);

  function forgetDrafts() {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith("draft:")) sessionStorage.removeItem(key);
  }

  function forgetRecent() {
    for (const key of Object.keys(localStorage)) if (key.startsWith("recent:")) localStorage.removeItem(key);
  }

  document.addEventListener("submit", ({ target }) => { if (target.getAttribute("action") === "/logout") forgetRecent(); });

  // Where the clipboard is closed to us, as it is without HTTPS, the text is chosen for the reader's own keys.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      say("ok", "Copied.");
    } catch {
      getSelection().selectAllChildren(source);
      say("late", "It is selected. Copy it with your keyboard.");
    }
  });

  const SHAPES = { ok: "st-ok", failed: "st-failed", paused: "st-pause", cancelled: "st-cancelled", unproved: "st-hollow" };
  const MOST = 4, BRIEF = 5000, TO_ACT = 30000;

  // Tells one sentence. `action` has the word of a button and the address that it posts to.
  function say(status, text, { stays = false, action = null } = {}) {
    const toast = document.createElement("div");
    toast.dataset.st = status;
    toast.toggleAttribute("data-stays", stays);
    toast.append(icon(SHAPES[status] ?? "st-late"), made("span", { className: "grow", textContent: text }));
    if (action) toast.append(form(action));
    toasts.append(toast);
    settle(toast);
  }

  function form({ word, address }) {
    const asks = made("form", { method: "post", action: address });
    const fields = { csrf: token, back: location.pathname + location.search };
    for (const [name, value] of Object.entries(fields)) asks.append(made("input", { type: "hidden", name, value }));
    asks.append(made("button", { type: "submit", className: "btn", textContent: word }));
    return asks;
  }

  // Gives a notice the button that dismisses it, and its time: longer where there is something to press.
  function settle(toast) {
    const close = made("button", { className: "btn quiet icon", type: "button" });
    close.setAttribute("aria-label", "Dismiss");
    close.append(icon("i-x"));
    close.addEventListener("click", () => toast.remove());
    toast.append(close);
    while (toasts.children.length > MOST) toasts.firstElementChild.remove();
    if (!("stays" in toast.dataset)) fade(toast, toast.querySelector("form") ? TO_ACT : BRIEF);
  }

  // Nothing goes while somebody points at it or is about to press it.
  function fade(toast, wait) {
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) fade(toast, 1000);
      else toast.remove();
    }, wait);
  }

  const made = (name, fields) => Object.assign(document.createElement(name), fields);

  function icon(name) {
    const SVG = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "i");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `#${name}`);
    svg.append(use);
    return svg;
  }

  // What the server tells once stands in the page, or in the page that an answer to a press was taken from.
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    if (!detail.ctx?.text?.includes("data-told")) return;
    const page = new DOMParser().parseFromString(detail.ctx.text, "text/html");
    for (const toast of page.querySelectorAll("#toasts > [data-told]")) toasts.append(document.adoptNode(toast));
    settleAll();
  });

  function settleAll() {
    for (const toast of toasts.querySelectorAll("[data-told]")) {
      toast.removeAttribute("data-told");
      settle(toast);
    }
  }

  settleAll();
  Object.assign(window.holdfast, { say, icon, token, forgetRecent });
})();
