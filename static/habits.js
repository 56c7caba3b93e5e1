// What people get used to: failures in the title and the icon, how they want the pages, and what is told once.
"use strict";
(() => {
  const failing = document.getElementById("failing");
  const icon = document.querySelector("link[rel=icon]");

  // A tab that nobody looks at says by its title and its icon that something failed.
  function standing() {
    const failed = failing.textContent === "0" ? "" : failing.textContent;
    const plain = document.title.replace(/^\([\d,]+ failed\) /, "");
    const title = failed ? `(${failed} failed) ${plain}` : plain;
    const drawn = failed ? icon.dataset.failed : icon.dataset.plain;
    if (document.title !== title) document.title = title;
    if (icon.getAttribute("href") !== drawn) icon.setAttribute("href", drawn);
    navigator.setAppBadge?.(Number(failed.replaceAll(",", ""))).catch(() => {}); // only an installed page has one
  }

  new MutationObserver(standing).observe(failing, { childList: true, characterData: true, subtree: true });
  standing();

  // Changes at once what somebody wants; the server keeps it for the pages to come.
  const form = document.querySelector("[data-preferences]");
  form.addEventListener("submit", async (event) => {
    const chosen = event.submitter;
    if (!chosen) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, chosen));
    wear(chosen.name, chosen.value);
    for (const other of chosen.parentElement.children) other.setAttribute("aria-pressed", String(other === chosen));
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    if (answer?.type !== "opaqueredirect") window.holdfast.say("late", "This page has it, but it could not be kept for the next one.");
  });

  function wear(name, value) {
    if (name === "shortcuts") document.body.dataset.shortcuts = value;
    else document.documentElement.dataset[name] = value;
  }

  // A row of sections that is wider than the screen begins where somebody is.
  for (const row of document.querySelectorAll(".tabs, .chips")) {
    const here = row.querySelector(":scope > [aria-current]");
    if (!here || row.scrollWidth <= row.clientWidth) continue;
    const middle = here.getBoundingClientRect().left + here.clientWidth / 2;
    row.scrollLeft += middle - row.getBoundingClientRect().left - row.clientWidth / 2;
  }

  // How far this clock and the server's are apart: what is due goes by the server's.
  const clock = document.querySelector("[data-clock]");
  const arrived = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
  const ahead = Math.round((Date.parse(clock.dataset.clock) - arrived) / 1000);
  const apart = Math.abs(ahead);
  const much = apart < 120 ? `${apart} s` : `${Math.round(apart / 60).toLocaleString("en")} min`;
  clock.textContent = apart < 5 ? "Clock in step with yours" : `Clock ${much} ${ahead > 0 ? "ahead of" : "behind"} yours`;
})();
