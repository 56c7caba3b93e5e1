// Puts new structure in its place without disturbing whoever points at it, has marked some of it, or stands on it.
"use strict";
(() => {
  const holdfast = window.holdfast;
  const HOLD = 10000, MARKED = 60000, LOOK_AGAIN = 500;
  const held = new Map(); // by the id of an element: what it is to become, and since when it waits
  let looking = 0, turn = Promise.resolve();

  // Draws the element with this id again, at once or as soon as nobody is disturbed by it; one after the other, so
  // that what is older never stands last.
  function place(id, html, placed) {
    held.set(id, { html, placed, since: held.get(id)?.since ?? Date.now() });
    return settle(id);
  }

  function settle(id) {
    turn = turn.then(() => tryToPlace(id)).catch(() => held.delete(id));
    return turn;
  }

  async function tryToPlace(id) {
    const wanted = held.get(id), target = document.getElementById(id);
    if (!wanted || !target) { held.delete(id); return; }
    if (isInTheWay(target, wanted.html, Date.now() - wanted.since)) {
      looking ||= setTimeout(lookAgain, LOOK_AGAIN);
      return;
    }
    held.delete(id);
    await morph(target, wanted.html);
    const drawn = document.getElementById(id);
    if (drawn) wanted.placed?.(drawn);
  }

  function lookAgain() {
    looking = 0;
    for (const id of held.keys()) settle(id);
  }

  function isInTheWay(target, html, waited) {
    return (waited < HOLD && wouldMove(target, html)) || (waited < MARKED && isMarked(target));
  }

  // To ask for the selection costs a layout, so it is asked for only when it changes.
  let marks = false;
  document.addEventListener("selectionchange", () => { marks = getSelection().type === "Range"; });

  const isMarked = (element) => marks && getSelection().containsNode(element, true);

  // Rows do not appear, move or vanish under a pointer that is about to press something, nor is the panel pushed away.
  function wouldMove(target, html) {
    const panel = document.querySelector(":is(.rows, table):hover")?.closest("[data-calm]");
    if (!panel) return false;
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    if (target.contains(panel) || panel.contains(target)) return order(target) !== order(fresh);
    const above = target.compareDocumentPosition(panel) & Node.DOCUMENT_POSITION_FOLLOWING;
    return above && rows(target).length !== rows(fresh).length;
  }

  const rows = (element) => [...element.querySelectorAll(".rows > li, tbody > tr")];
  const order = (element) => rows(element).map((row) => row.id || row.querySelector("a")?.getAttribute("href")).join();

  async function morph(target, html) {
    const focused = target.contains(document.activeElement) ? document.activeElement : null;
    await htmx.swap({ sourceElement: target, target, text: html, swap: "outerMorph", request: {} });
    if (focused && document.activeElement !== focused) again(focused)?.focus({ preventScroll: true });
    holdfast.tellAll(document);
  }

  // What stands for an element that was drawn again: itself, what has its id, or what leads where it led.
  function again(element) {
    if (element.isConnected) return element;
    if (element.id) return document.getElementById(element.id);
    const address = element.getAttribute("href");
    return address && document.querySelector(`main a[href="${CSS.escape(address)}"]`);
  }

  Object.assign(holdfast, { place, morph, isMarked });
})();
