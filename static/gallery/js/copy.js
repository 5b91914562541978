/* Copies the lines of a text by a click. Without this file they are there to be selected. */
(function () {
  "use strict";

  document.querySelectorAll("[data-copy]").forEach(function (button) {
    const source = document.getElementById(button.dataset.copy);
    const state = document.querySelector(`[data-copy-state="${button.dataset.copy}"]`);

    function linesOf() {
      return Array.from(source.children, function (line) { return line.textContent; }).join("\n");
    }

    /* Where the site is not reached by HTTPS there is no clipboard to write to: the text is selected for the reader. */
    function select() {
      window.getSelection().selectAllChildren(source);
      state.textContent = button.dataset.textFailed;
    }

    button.hidden = false;
    button.addEventListener("click", function () {
      if (!navigator.clipboard) { select(); return; }
      navigator.clipboard.writeText(linesOf()).then(function () { state.textContent = button.dataset.textCopied; }, select);
    });
  });
})();
