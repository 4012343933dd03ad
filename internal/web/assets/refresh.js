// Refreshes the page in place: the reader keeps the scroll position, the
// focus and whatever is unfolded. Without script the page reloads by itself.
(() => {
  "use strict";
  const every = 10000;
  const key = (d, i) => (d.closest("tr, article, section")?.textContent.slice(0, 40) ?? "") + i;

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
    const open = new Map([...main.querySelectorAll("details")].map((d, i) => [key(d, i), d.open]));
    next.querySelectorAll("details").forEach((d, i) => {
      if (open.has(key(d, i))) d.open = open.get(key(d, i));
    });
    const focused = [...main.querySelectorAll("a, summary")].indexOf(document.activeElement);
    main.replaceChildren(...next.childNodes);
    if (focused >= 0) main.querySelectorAll("a, summary")[focused]?.focus({ preventScroll: true });
    const head = document.querySelector(".asof"), headNext = page.querySelector(".asof");
    if (head && headNext) head.replaceWith(headNext);
    if (document.title !== page.title) document.title = page.title;
  }

  setInterval(refresh, every);
  document.addEventListener("visibilitychange", refresh);
})();
