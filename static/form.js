// Keeps what is being typed, opens the fields that belong to a choice, fills in what is offered, and leads to what is wrong.
"use strict";
(() => {
  const form = document.getElementById("job-form");
  const note = document.getElementById("draft-note");
  const unsaved = document.getElementById("unsaved");
  const DRAFT = "draft:"; // requests.js forgets all of them when somebody else signs in
  const KEPT = DRAFT + form.dataset.draft;
  const SENT = "draft-sent";
  const NOT_KEPT = new Set(["csrf", "kind", "job", "from"]);

  const fields = () => [...form.elements].filter((field) => field.name && !("unkept" in field.dataset) && !NOT_KEPT.has(field.name) && field.type !== "submit");
  const valueOf = (field) => field.type === "checkbox" ? field.checked : field.value;
  const values = () => Object.fromEntries(fields().filter((field) => field.type !== "hidden").map((field) => [field.name, valueOf(field)]));
  const began = JSON.stringify(values());
  let leaving = false;

  const changed = () => "posted" in form.dataset || JSON.stringify(values()) !== began;

  function keep() {
    unsaved.hidden = !changed();
    sessionStorage.setItem(KEPT, JSON.stringify(values()));
  }

  function fill(said) {
    let filled = false;
    for (const field of fields()) {
      if (!(field.name in said) || said[field.name] === valueOf(field)) continue;
      if (field.type === "checkbox") field.checked = said[field.name];
      else field.value = said[field.name];
      filled = true;
    }
    return filled;
  }

  function restore() {
    unsaved.hidden = !("posted" in form.dataset);
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (!kept || "posted" in form.dataset) return;
    const filled = fill(kept);
    note.hidden = !filled;
    if (filled) say(form.querySelector("input:not([type=hidden])"));
  }

  // Whoever is told of a change: the draft, the panels, and the server that checks.
  const say = (field) => field.dispatchEvent(new Event("change", { bubbles: true }));

  function forget() {
    leaving = true;
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

  function lead(field) {
    field.closest("details")?.setAttribute("open", "");
    field.scrollIntoView({ block: "center" });
    field.focus({ preventScroll: true });
  }

  // A job that is offered takes the place of the line that asked for it.
  function takeOffer(offer) {
    const area = form.elements.after;
    let line = -1;
    area.value = area.value.split("\n").map((text) => text.trim() && ++line == offer.dataset.line ? offer.dataset.writes : text).join("\n");
    area.focus();
    say(area);
  }

  function addTag(tag) {
    const field = form.elements.tags;
    const tags = field.value.split(",").map((each) => each.trim()).filter(Boolean);
    field.value = (tags.includes(tag) ? tags.filter((each) => each !== tag) : [...tags, tag]).join(", ");
    say(field);
  }

  // Another kind begins with what was typed that it asks for too, unless it has a draft of its own.
  function carry(link) {
    leaving = true;
    const other = `${DRAFT}new-${new URL(link.href).searchParams.get("kind")}`;
    if (changed() && other !== KEPT && !sessionStorage.getItem(other)) sessionStorage.setItem(other, JSON.stringify(values()));
  }

  form.addEventListener("input", () => { keep(); openPanels(); });
  form.addEventListener("change", () => { keep(); openPanels(); });
  form.addEventListener("click", (event) => {
    const at = (part) => event.target.closest(part);
    if (at("[data-writes]")) takeOffer(at("[data-writes]"));
    else if (at("[data-adds]")) addTag(at("[data-adds]").dataset.adds);
    else if (at("[data-drops-draft]")) forget();
    else if (at(".kinds a")) carry(at(".kinds a"));
    else if (at("#to-fix a")) {
      event.preventDefault();
      lead(document.getElementById(at("#to-fix a").hash.slice(1)));
    } else if (at("[data-fills]")) {
      event.preventDefault();
      if (fill(JSON.parse(at("[data-fills]").dataset.fills))) say(form.elements["schedule.when"]);
    }
  });
  form.addEventListener("submit", ({ submitter }) => {
    leaving = true;
    if (!("keepsDraft" in (submitter?.dataset ?? {}))) sessionStorage.setItem(SENT, KEPT);
  });
  document.addEventListener("htmx:after:swap", markFields);
  note.querySelector("[data-forget-draft]").addEventListener("click", forget);
  addEventListener("beforeunload", (event) => { if (!leaving && changed()) event.preventDefault(); });
  // Who signs out finds the draft again.
  document.querySelector("form[action='/logout']").addEventListener("submit", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });

  restore();
  openPanels();
})();
