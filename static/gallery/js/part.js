/* A part of a picture is dragged over it. Without this file four numbers say where it is. */
(function () {
  "use strict";

  const NAMES = ["left", "top_edge", "width", "height"];
  let drag = null; /* where the pointer went down, as shares of the frame, and the frame */

  function shareAt(frame, event) {
    const area = frame.getBoundingClientRect();
    const within = (value) => Math.min(1, Math.max(0, value));
    return [within((event.clientX - area.left) / area.width), within((event.clientY - area.top) / area.height)];
  }

  function show(form) {
    const box = form.querySelector("[data-part-box]");
    const [left, top, width, height] = NAMES.map((name) => Number(form.elements[name].value));
    box.style.left = left + "%";
    box.style.top = top + "%";
    box.style.width = Math.min(width, 100 - left) + "%";
    box.style.height = Math.min(height, 100 - top) + "%";
    box.hidden = false;
  }

  function fill(form, from, to) {
    const edges = [0, 1].map((axis) => [Math.min(from[axis], to[axis]), Math.abs(from[axis] - to[axis])]);
    const values = [edges[0][0], edges[1][0], Math.max(edges[0][1], 0.01), Math.max(edges[1][1], 0.01)];
    NAMES.forEach(function (name, place) {
      form.elements[name].value = (values[place] * 100).toFixed(1);
    });
    show(form);
  }

  document.addEventListener("pointerdown", function (event) {
    const frame = event.target.closest("[data-part-frame]");
    if (!frame || event.button !== 0) return;
    event.preventDefault();
    frame.setPointerCapture(event.pointerId);
    drag = { frame: frame, from: shareAt(frame, event) };
  });

  document.addEventListener("pointermove", function (event) {
    if (drag) fill(drag.frame.closest("form"), drag.from, shareAt(drag.frame, event));
  });

  ["pointerup", "pointercancel"].forEach(function (name) {
    document.addEventListener(name, function () {
      drag = null;
    });
  });

  document.addEventListener("input", function (event) {
    const form = event.target.closest("[data-part-search] form");
    if (form) show(form);
  });

  document.addEventListener("toggle", function (event) {
    if (event.target.matches("[data-part-search]") && event.target.open) show(event.target.querySelector("form"));
  }, true);
})();
