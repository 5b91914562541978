/* Ticking: all on the page at once, and how many are ticked. Everything works without it. */
(function () {
  "use strict";

  document.querySelectorAll("form[data-selection]").forEach(function (form) {
    const all = form.querySelector("[data-all]");
    const count = form.querySelector("[data-count]");
    const ticks = Array.from(form.querySelectorAll('input[name="ids"]'));
    const hint = count.textContent;
    const bar = form.querySelector("[data-ticked]");

    function show() {
      const ticked = ticks.filter(function (tick) { return tick.checked; }).length;
      all.checked = ticked === ticks.length;
      all.indeterminate = ticked > 0 && ticked < ticks.length;
      count.textContent = ticked ? count.dataset.text.replace("{count}", String(ticked)) : hint;
      bar.hidden = ticked === 0;
    }

    form.querySelector("[data-scripted]").hidden = false;
    all.addEventListener("change", function () {
      ticks.forEach(function (tick) { tick.checked = all.checked; });
      show();
    });
    form.addEventListener("change", function (event) {
      if (event.target.name === "ids") show();
    });
    window.addEventListener("pageshow", show); // a browser that goes back keeps the ticks
    show();
  });
})();
