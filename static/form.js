// Keeps what is being typed, opens the fields that belong to a choice, and leads to what is wrong.
"use strict";
(() => {
  const form = document.getElementById("job-form");
  const note = document.getElementById("draft-note");
  const KEPT = `draft:${form.dataset.draft}`; // requests.js forgets all of them when somebody signs out
  const SENT = "draft-sent";
  const NOT_KEPT = new Set(["csrf", "kind", "job"]);

  const fields = () => [...form.elements].filter((field) => field.name && !("unkept" in field.dataset) && !NOT_KEPT.has(field.name) && field.type !== "submit");
  const valueOf = (field) => field.type === "checkbox" ? field.checked : field.value;

  function keep() {
    const values = Object.fromEntries(fields().map((field) => [field.name, valueOf(field)]));
    sessionStorage.setItem(KEPT, JSON.stringify(values));
  }

  function restore() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (!kept || "posted" in form.dataset) return;
    let changed = false;
    for (const field of fields()) {
      if (!(field.name in kept) || kept[field.name] === valueOf(field)) continue;
      if (field.type === "checkbox") field.checked = kept[field.name];
      else field.value = kept[field.name];
      changed = true;
    }
    note.hidden = !changed;
    if (changed) field(form).dispatchEvent(new Event("change", { bubbles: true }));
  }

  const field = (form) => form.querySelector("input:not([type=hidden])");

  function forget() {
    sessionStorage.removeItem(KEPT);
  }

  function openPanels() {
    for (const panel of form.querySelectorAll("[data-if]")) {
      const owner = form.elements[panel.dataset.if];
      panel.hidden = String(valueOf(owner)) !== panel.dataset.is;
    }
  }

  // The truth below a field also says whether the field can stay as it is.
  function markFields() {
    for (const truth of form.querySelectorAll("[id^=truth-]")) {
      const input = document.getElementById(truth.id.slice("truth-".length));
      if (truth.dataset.st === "failed") input?.setAttribute("aria-invalid", "true");
      else input?.removeAttribute("aria-invalid");
    }
  }

  form.addEventListener("input", () => { keep(); openPanels(); });
  form.addEventListener("change", () => { keep(); openPanels(); });
  // A job that is offered takes the place of the line that asked for it.
  form.addEventListener("click", ({ target }) => {
    const offer = target.closest("[data-writes]");
    if (!offer) return;
    const area = form.elements.after;
    let line = -1;
    area.value = area.value.split("\n").map((text) => text.trim() && ++line == offer.dataset.line ? offer.dataset.writes : text).join("\n");
    area.focus();
    area.dispatchEvent(new Event("change", { bubbles: true }));
  });
  form.addEventListener("submit", () => sessionStorage.setItem(SENT, KEPT));
  document.addEventListener("htmx:after:swap", markFields);
  note.querySelector("[data-forget-draft]").addEventListener("click", forget);

  restore();
  openPanels();
})();
