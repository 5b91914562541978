/* Shows where a thing is while its name is pointed at or has the focus. Without this file the box “Show where” does. */
(function () {
  "use strict";

  document.querySelectorAll("[data-boxes]").forEach(function (name) {
    const boxes = document.getElementById(name.dataset.boxes);

    function show() { boxes.classList.add("is-shown"); }
    function hide() { boxes.classList.remove("is-shown"); }

    name.addEventListener("mouseenter", show);
    name.addEventListener("mouseleave", hide);
    name.addEventListener("focus", show);
    name.addEventListener("blur", hide);
  });
})();
