// Copies the text a button names. Without script, and where the browser does
// not let a page copy, one click chooses the whole text.
(() => {
  "use strict";
  document.documentElement.classList.add("scripted");

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[data-copy]");
    const text = button && document.getElementById(button.dataset.copy);
    if (!text) return;
    const word = button.textContent;
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = button.dataset.done;
    } catch {
      getSelection()?.selectAllChildren(text);
      button.textContent = button.dataset.chosen;
    }
    setTimeout(() => { button.textContent = word; }, 4000);
  });
})();
