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
    say("failed", said.join(" ").trim() || "It was not done. Reload the page, then try again.", true);
  });

  document.addEventListener("htmx:error", (event) => {
    const { ctx } = event.detail;
    if (ctx?.sourceElement?.id === "job-form") return; // only a check; the mark tells of the connection
    if (ctx && !ctx.response && !ctx.request?.signal?.aborted && ctx.request?.method !== "GET") {
      say("failed", "The server does not answer, so it is not known whether this was done. Look here again once the page is live.", true);
    }
  });

  // A form that was taken needs its draft no more.
  if (!document.getElementById("job-form")) sessionStorage.removeItem(sessionStorage.getItem("draft-sent"));
  sessionStorage.removeItem("draft-sent");

  // What somebody typed is not for whoever signs in here next.
  function forgetDrafts() {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith("draft:")) sessionStorage.removeItem(key);
  }

  document.querySelector("form[action='/logout']").addEventListener("submit", forgetDrafts);

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

  function say(status, text, stays = false) {
    const shape = { ok: "st-ok", failed: "st-failed", paused: "st-pause", cancelled: "st-cancelled", unproved: "st-hollow" }[status] ?? "st-late";
    const toast = document.createElement("div");
    toast.dataset.st = status;
    toast.append(icon(shape), Object.assign(document.createElement("span"), { className: "grow", textContent: text }));
    const close = Object.assign(document.createElement("button"), { className: "btn quiet icon", type: "button" });
    close.setAttribute("aria-label", "Dismiss");
    close.append(icon("i-x"));
    close.addEventListener("click", () => toast.remove());
    toast.append(close);
    toasts.append(toast);
    while (toasts.children.length > 4) toasts.firstElementChild.remove();
    if (!stays) setTimeout(() => toast.remove(), 5000);
  }

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

  Object.assign(window.holdfast, { say, token, forgetDrafts });
})();
