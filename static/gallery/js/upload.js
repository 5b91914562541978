/* Sends the chosen pictures one by one and says of each what became of it. Without this file the form sends them all
   in one request. */
(function () {
  "use strict";

  const form = document.querySelector("form[data-upload]");
  if (!form) return;

  const AT_ONCE = 2; // requests under way: one is sent while the server checks the other
  const text = form.dataset;
  const input = form.querySelector('input[type="file"]');
  const list = form.querySelector("[data-list]");
  const queue = form.querySelector("[data-queue]");
  const template = form.querySelector("template[data-item]");
  const status = form.querySelector("[data-status]");
  const overall = form.querySelector("[data-overall]");
  const toLibrary = form.querySelector("[data-to-library]");
  const items = []; // {file, state, element, loaded}; state: waiting, sending, added, duplicate, failed

  input.required = false; // the list says what is chosen: the field is emptied each time
  input.name = "";
  form.querySelectorAll("[data-scripted]").forEach(function (element) {
    if (element !== queue && element !== toLibrary) element.hidden = false;
  });

  function part(item, name) {
    return item.element.querySelector("[data-" + name + "]");
  }

  function count(state) {
    return items.filter(function (item) { return item.state === state; }).length;
  }

  function filled(sentence, values) {
    return sentence.replace(/\{(\w+)\}/g, function (_all, name) { return values[name]; });
  }

  /* Choosing */

  function addFiles(files) {
    const room = Number(text.maxFiles) - count("waiting") - count("sending");
    Array.from(files).slice(0, Math.max(0, room)).forEach(addFile);
    status.textContent = files.length > room ? text.textTooMany : "";
    queue.hidden = items.length === 0;
  }

  function addFile(file) {
    const item = { file: file, state: "waiting", loaded: 0, element: template.content.firstElementChild.cloneNode(true) };
    part(item, "name").textContent = file.name;
    part(item, "state").textContent = text.textWaiting;
    ["link", "retry", "remove"].forEach(function (name) {
      const control = part(item, name);
      control.setAttribute("aria-label", control.textContent.trim() + " " + file.name);
    });
    part(item, "remove").addEventListener("click", function () { removeItem(item); });
    part(item, "retry").addEventListener("click", function () { retryItem(item); });
    showPreview(item);
    items.push(item);
    list.append(item.element);
    if (file.size === 0) fail(item, text.textEmpty, false);
    else if (file.size > Number(text.maxBytes)) fail(item, text.textTooLarge, false);
  }

  function showPreview(item) {
    const preview = part(item, "preview");
    const address = URL.createObjectURL(item.file);
    function release() { URL.revokeObjectURL(address); }
    preview.addEventListener("load", release);
    preview.addEventListener("error", function () { release(); preview.hidden = true; }); // TIFF, HEIC, JPEG XL, or no picture at all
    preview.src = address;
  }

  function removeItem(item) {
    const place = items.indexOf(item);
    items.splice(place, 1);
    item.element.remove();
    const neighbour = items[Math.min(place, items.length - 1)];
    queue.hidden = items.length === 0;
    (neighbour ? part(neighbour, "remove") : input).focus();
  }

  input.addEventListener("change", function () {
    addFiles(input.files);
    input.value = "";
  });

  function carriesFiles(transfer) {
    return Boolean(transfer) && Array.from(transfer.types).includes("Files");
  }

  let entered = 0; // dragenter and dragleave also come from every element inside
  function mark(change) {
    entered = Math.max(0, entered + change);
    document.body.classList.toggle("is-dragging", entered > 0);
  }

  document.addEventListener("dragenter", function (event) { if (carriesFiles(event.dataTransfer)) mark(1); });
  document.addEventListener("dragleave", function (event) { if (carriesFiles(event.dataTransfer)) mark(-1); });
  document.addEventListener("dragover", function (event) { if (carriesFiles(event.dataTransfer)) event.preventDefault(); });
  document.addEventListener("drop", function (event) {
    mark(-entered);
    if (!carriesFiles(event.dataTransfer)) return;
    event.preventDefault();
    addFiles(event.dataTransfer.files);
  });
  document.addEventListener("paste", function (event) {
    if (!event.clipboardData || !event.clipboardData.files.length) return; // pasted words go where they were meant
    event.preventDefault();
    addFiles(event.clipboardData.files);
  });

  /* Sending */

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    if (!count("waiting")) {
      status.textContent = text.textNothing;
      return;
    }
    sendNext();
  });

  function retryItem(item) {
    item.state = "waiting";
    delete item.element.dataset.outcome;
    part(item, "retry").hidden = true;
    part(item, "remove").focus();
    sendNext();
  }

  function sendNext() {
    while (count("sending") < AT_ONCE) {
      const next = items.find(function (item) { return item.state === "waiting"; });
      if (!next) break;
      send(next);
    }
    showOverall();
  }

  function send(item) {
    const body = new FormData(form);
    body.append("files", item.file, item.file.name);
    const request = new XMLHttpRequest();
    request.open("POST", text.fileUrl);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", function (event) {
      if (!event.lengthComputable) return;
      item.loaded = event.loaded / event.total;
      showProgress(item);
    });
    request.addEventListener("load", function () { finish(item, request); });
    request.addEventListener("error", function () { fail(item, text.textNetwork, true); sendNext(); });
    item.state = "sending";
    item.loaded = 0;
    part(item, "remove").hidden = true;
    part(item, "progress").hidden = false;
    showProgress(item);
    request.send(body);
  }

  function finish(item, request) {
    const answer = answerOf(request);
    if (request.status === 200 || request.status === 201) succeed(item, answer);
    else fail(item, answer.message, true); // the labels may be what was wrong
    sendNext();
  }

  function answerOf(request) {
    try {
      const answer = JSON.parse(request.responseText);
      if (typeof answer.message === "string") return answer;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    return { message: sentenceOf(request.status) }; // a proxy or a whole page answered
  }

  function sentenceOf(code) {
    if (code === 413) return text.textTooLarge;
    return code === 401 || code === 403 ? text.textSignedOut : text.textServer;
  }

  function succeed(item, answer) {
    if (!answer.outcome) {
      fail(item, text.textServer, true);
      return;
    }
    settle(item, answer.outcome, answer.message);
    part(item, "link").href = answer.url;
    part(item, "link").hidden = false;
    part(item, "remove").hidden = true;
    if (answer.is_waiting) follow(item, answer.id);
    const preview = part(item, "preview");
    if (preview.hidden) { // of a kind that this browser does not show
      preview.src = answer.thumbnail;
      preview.hidden = false;
    }
  }

  /* Arriving: the part of the page that is asked for goes on asking by itself, and puts each mark right */

  const FOLLOW_MILLISECONDS = 2000;
  let following = null;

  function follow(item, id) {
    part(item, "status").dataset.status = id;
    part(item, "waiting").hidden = false;
    if (following === null) following = window.setTimeout(askForWaiting, FOLLOW_MILLISECONDS);
  }

  function askForWaiting() {
    following = null;
    const marks = Array.from(list.querySelectorAll(".badge-warning[data-status]"));
    const ids = marks.map(function (mark) { return mark.dataset.status; }).filter(Boolean);
    window.htmx.ajax("GET", text.arrivingUrl + "?ids=" + ids.join(","), { target: "#arriving", swap: "outerHTML" });
  }

  function fail(item, message, mayRetry) {
    settle(item, "failed", message);
    part(item, "retry").hidden = !mayRetry;
    part(item, "remove").hidden = false;
  }

  function settle(item, state, message) {
    item.state = state;
    item.element.dataset.outcome = state;
    part(item, "progress").hidden = true;
    part(item, "state").textContent = message;
  }

  /* Showing */

  function showProgress(item) {
    const bar = part(item, "progress");
    const isSent = item.loaded >= 1;
    if (isSent) bar.removeAttribute("value");
    else bar.value = item.loaded;
    part(item, "state").textContent = isSent ? text.textChecking : text.textSending;
    showBar();
  }

  function doneCount() {
    return items.length - count("waiting") - count("sending");
  }

  function showBar() {
    const partly = items.reduce(function (sum, item) { return sum + (item.state === "sending" ? item.loaded : 0); }, 0);
    overall.value = items.length ? (doneCount() + partly) / items.length : 0;
  }

  function showOverall() {
    const isSending = count("sending") > 0;
    const values = {
      done: doneCount(),
      total: items.length,
      added: count("added"),
      duplicates: count("duplicate"),
      failed: count("failed"),
    };
    overall.hidden = !isSending;
    status.textContent = filled(isSending ? text.textProgress : text.textFinished, values);
    toLibrary.hidden = isSending || values.added + values.duplicates === 0;
    showBar();
  }

  window.addEventListener("beforeunload", function (event) {
    if (count("sending")) event.preventDefault();
  });
})();
