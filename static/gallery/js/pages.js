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

  /* A part of a page that cannot be fetched is asked for as a whole page: that shows what is wrong. */
  function openAsPage(event) {
    const config = event.detail.requestConfig;
    const address = event.detail.pathInfo && event.detail.pathInfo.finalRequestPath;
    if (address && config.verb === "get") window.location.assign(address);
  }

  document.addEventListener("htmx:responseError", openAsPage);
  document.addEventListener("htmx:sendError", openAsPage);
})();
