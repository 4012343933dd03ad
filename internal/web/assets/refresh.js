// Refreshes the page in place: the reader keeps the scroll position, the
// focus and whatever is unfolded. Without script the page reloads by itself.
(() => {
  "use strict";
  const every = 10000;
  const able = "a, summary, button";
  const name = (e) => e.tagName === "SUMMARY" ? "details " + e.parentElement.dataset.key : e.dataset.key ?? "link " + e.getAttribute("href");

  async function refresh() {
    if (document.hidden || getSelection()?.type === "Range") return;
    let page;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      document.body.classList.add("offline");
      return;
    }
    document.body.classList.remove("offline");
    const main = document.querySelector("main"), next = page.querySelector("main");
    if (!main || !next) return;
    const open = new Map([...main.querySelectorAll("details")].map((d) => [d.dataset.key, d.open]));
    next.querySelectorAll("details").forEach((d) => {
      if (open.has(d.dataset.key)) d.open = open.get(d.dataset.key);
    });
    const focused = document.activeElement?.closest(`main :is(${able})`);
    const wanted = focused && name(focused);
    main.replaceChildren(...next.childNodes);
    if (wanted) [...main.querySelectorAll(able)].find((e) => name(e) === wanted)?.focus({ preventScroll: true });
    const head = document.querySelector(".asof"), headNext = page.querySelector(".asof");
    if (head && headNext) head.replaceWith(headNext);
    if (document.title !== page.title) document.title = page.title;
  }

  setInterval(refresh, every);
  document.addEventListener("visibilitychange", refresh);
})();
