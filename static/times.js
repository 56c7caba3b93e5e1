// Tells times in the reader's own zone and lets ages grow, free of traffic.
"use strict";
(() => {
  const MINUTE = 60, HOUR = 3600, DAY = 86400;

  function span(seconds) {
    const two = (first, unit, second, smaller) => second ? `${first} ${unit} ${second} ${smaller}` : `${first} ${unit}`;
    if (seconds < MINUTE) return `${seconds} s`;
    if (seconds < HOUR) {
      const minutes = Math.floor(seconds / MINUTE);
      return two(minutes, "min", minutes < 10 ? seconds % MINUTE : 0, "s");
    }
    if (seconds < DAY) return two(Math.floor(seconds / HOUR), "h", Math.floor(seconds % HOUR / MINUTE), "min");
    const days = Math.floor(seconds / DAY);
    return two(days, "d", days < 7 ? Math.floor(seconds % DAY / HOUR) : 0, "h");
  }

  const age = (seconds) => seconds < MINUTE ? "under a minute" : span(seconds - seconds % MINUTE);
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
  const year = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
  const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
  const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
  const second = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

  function when(moment, now) {
    if (moment.toDateString() === now.toDateString()) return time.format(moment);
    const date = moment.getFullYear() === now.getFullYear() ? day : year;
    return `${date.format(moment)} ${time.format(moment)}`;
  }

  // Within six days the day of the week is clear; later the date is needed.
  function due(moment, now) {
    if (moment.toDateString() === now.toDateString()) return time.format(moment);
    return moment - now < 6 * DAY * 1000 ? `${weekday.format(moment)} ${time.format(moment)}` : when(moment, now);
  }

  const WORDS = {
    ago: (moment, now, past) => past < MINUTE ? "just now" : `${age(past)} ago`,
    age: (moment, now, past) => age(past),
    until: (moment, now) => moment - now < MINUTE * 1000 ? "now" : `in ${age(Math.round((moment - now) / 1000))}`,
    since: (moment, now, past) => span(past),
    clock: (moment) => second.format(moment),
    hour: (moment) => time.format(moment),
    weekday: (moment) => weekday.format(moment),
    when,
    due,
  };

  function tell(element, now) {
    const moment = new Date(element.dateTime);
    const said = WORDS[element.dataset.as];
    if (!said || Number.isNaN(moment.getTime())) return;
    const words = said(moment, now, Math.max(0, Math.round((now - moment) / 1000)));
    if (element.textContent !== words) element.textContent = words;
    if (element.title) element.title = `${year.format(moment)} ${second.format(moment)}`;
  }

  function tellAll(root, kinds = "[data-as]") {
    const now = new Date();
    for (const element of root.querySelectorAll(`time${kinds}`)) tell(element, now);
  }

  // Days that the server draws begin at this reader's midnight.
  document.cookie = `zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}; path=/; max-age=31536000; SameSite=Lax`;

  document.addEventListener("htmx:after:swap", () => tellAll(document));
  setInterval(() => tellAll(document, '[data-as="since"]'), 1000);
  setInterval(() => tellAll(document), MINUTE * 1000);
  tellAll(document);
  window.holdfast = { tellAll };
})();
