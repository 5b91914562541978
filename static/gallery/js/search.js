/* Searching with a picture: choosing, dropping or pasting one searches at once. Without this file a button does. */
(function () {
  "use strict";

  function pictureForm(near) {
    const box = near && near.closest ? near.closest("[data-search-box]") : null;
    return (box || document).querySelector("[data-picture-search]");
  }

  function firstPicture(transfer) {
    return Array.from((transfer && transfer.files) || []).find(function (file) {
      return file.type.startsWith("image/");
    });
  }

  function searchWith(file, form) {
    const chosen = new DataTransfer();
    chosen.items.add(file);
    form.querySelector('input[type="file"]').files = chosen.files;
    form.requestSubmit();
  }

  function hasFiles(event) {
    return Array.from(event.dataTransfer ? event.dataTransfer.types : []).includes("Files");
  }

  function mark(box) {
    document.querySelectorAll("[data-search-box].is-drop-target").forEach(function (other) {
      if (other !== box) other.classList.remove("is-drop-target");
    });
    if (box) box.classList.add("is-drop-target");
  }

  document.addEventListener("change", function (event) {
    const form = event.target.closest("[data-picture-search]");
    if (form && event.target.files && event.target.files.length) form.requestSubmit();
  });

  document.addEventListener("submit", function (event) {
    if (event.target.matches("[data-picture-search]")) event.target.classList.add("htmx-request");
  });

  /* What is typed counts, also before it was searched for. */
  document.addEventListener("formdata", function (event) {
    if (!event.target.matches("[data-picture-search]")) return;
    const words = event.target.closest("[data-search-box]").querySelector('input[type="search"]');
    event.formData.set(words.name, words.value);
  });

  document.addEventListener("dragover", function (event) {
    const box = hasFiles(event) ? event.target.closest("[data-search-box]") : null;
    mark(box);
    if (box) event.preventDefault();
  });

  document.addEventListener("dragleave", function (event) {
    if (!event.relatedTarget) mark(null);
  });

  document.addEventListener("drop", function (event) {
    const box = event.target.closest("[data-search-box]");
    mark(null);
    if (!box) return;
    event.preventDefault();
    const file = firstPicture(event.dataTransfer);
    if (file) searchWith(file, pictureForm(box));
  });

  document.addEventListener("paste", function (event) {
    const form = pictureForm(event.target);
    const file = form && firstPicture(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    searchWith(file, form);
  });

  /* Coming back with the browser's button must not show a search that is still under way. */
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("[data-picture-search].htmx-request").forEach(function (form) {
      form.classList.remove("htmx-request");
      form.reset();
    });
  });
})();
