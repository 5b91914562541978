/* Progressive enhancement for every page: each of them works without this file. */
(function () {
  "use strict";

  document.documentElement.classList.add("enhanced");

  function closeMenus(except) {
    document.querySelectorAll("details[data-menu][open]").forEach(function (menu) {
      if (menu !== except) menu.open = false;
    });
  }

  document.addEventListener("click", function (event) {
    closeMenus(event.target.closest("details[data-menu]"));
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  /* “Load more” goes away with what it loads; the focus goes on to the first new picture, not back to the top. */
  document.addEventListener("htmx:beforeSwap", function (event) {
    const more = event.detail.target.closest(".tiles-more");
    if (!more || !more.contains(document.activeElement)) return;
    const last = more.previousElementSibling;
    document.addEventListener("htmx:afterSwap", function () {
      const next = last.nextElementSibling || document.querySelector("#less-likely");
      next.querySelector("summary, a:not([tabindex])").focus({ preventScroll: true });
    }, { once: true });
  });

  /* A part of a page that cannot be fetched is asked for as a whole page: that shows what is wrong. */
  function openAsPage(event) {
    const config = event.detail.requestConfig;
    const address = event.detail.pathInfo && event.detail.pathInfo.finalRequestPath;
    if (address && config.verb === "get") window.location.assign(address);
  }

  document.addEventListener("htmx:responseError", openAsPage);
  document.addEventListener("htmx:sendError", openAsPage);
})();
