/* Ticking: all on the page at once, and how many are ticked. Everything works without it. */
(function () {
  "use strict";

  document.querySelectorAll("form[data-selection]").forEach(function (form) {
    const all = form.querySelector("[data-all]");
    const count = form.querySelector("[data-count]");
    const ticks = Array.from(form.querySelectorAll('input[name="ids"]'));
    const everything = form.querySelector("[data-everything]");
    const hint = count.textContent;
    const bar = form.querySelector("[data-ticked]");

    function show() {
      const here = ticks.filter(function (tick) { return tick.checked; }).length;
      const ticked = everything && everything.checked ? Number(everything.dataset.everything) : here;
      all.checked = here === ticks.length;
      all.indeterminate = here > 0 && here < ticks.length;
      count.textContent = ticked ? count.dataset.text.replace("{count}", String(ticked)) : hint;
      bar.hidden = here === 0; // whoever takes the whole list is there already
    }

    form.querySelector("[data-scripted]").hidden = false;
    all.addEventListener("change", function () {
      ticks.forEach(function (tick) { tick.checked = all.checked; });
      show();
    });
    form.addEventListener("change", function (event) {
      if (event.target.name === "ids" || event.target === everything) show();
    });
    window.addEventListener("pageshow", show); // a browser that goes back keeps the ticks
    show();
  });
})();
