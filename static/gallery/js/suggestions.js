/*
 * What may be typed next, below the search box: a combobox with a list, by the keyboard, the mouse and touch.
 * Nothing is chosen for anybody: Enter searches, unless an arrow key has gone into the list. Without this file the box
 * is an input as any other.
 */
(function () {
  "use strict";

  const PAUSE_MS = 150;
  const LIST_ID = "suggestions";
  let isComposing = false; /* with an input method: what is in the box is not what is meant yet */
  let timer = 0;
  let underWay = null;
  let offered = []; /* what the list shows */
  let offeredFor = null; /* what was in the box then: places in it are of no other text */
  let active = -1; /* which of them the arrow keys have reached */
  let hasBegun = false; /* somebody has pressed a key or a button on this page */

  function boxOf(target) {
    return target && target.matches && target.matches("[data-suggestions] input[type='search']") ? target : null;
  }

  function listOf(box) {
    return box.form.querySelector(".suggestions");
  }

  /* Make the input a combobox, once; a part of a page that is fetched brings a new one. */
  function prepare(box) {
    if (listOf(box)) return;
    const list = document.createElement("ul");
    list.className = "suggestions";
    list.id = LIST_ID;
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", box.form.dataset.suggestionsLabel);
    const told = document.createElement("span");
    told.className = "visually-hidden";
    told.setAttribute("role", "status");
    box.parentElement.append(list, told);
    box.setAttribute("role", "combobox");
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-controls", LIST_ID);
    box.setAttribute("aria-expanded", "false");
  }

  function isOpen(box) {
    return box.getAttribute("aria-expanded") === "true";
  }

  /* While the next list is on its way the last one stays, but nothing of it can be chosen. */
  function isCurrent(box) {
    return isOpen(box) && offeredFor === box.value;
  }

  /* Positions: the site counts code points, the browser UTF-16. */

  function points(text) {
    return Array.from(text).length;
  }

  function units(text, codePoints) {
    return Array.from(text).slice(0, codePoints).join("").length;
  }

  /* Asking */

  function forget() {
    window.clearTimeout(timer);
    if (underWay) underWay.abort();
    underWay = null;
  }

  function askSoon(box) {
    forget();
    timer = window.setTimeout(ask, PAUSE_MS, box);
  }

  function ask(box) {
    forget();
    if (isComposing || document.activeElement !== box) return;
    const text = box.value;
    const caret = box.selectionStart;
    const asked = new AbortController();
    underWay = asked;
    const address = new URL(box.form.dataset.suggestions, window.location.href);
    address.search = new URLSearchParams({ q: text, at: points(text.slice(0, caret)) });
    fetch(address, { headers: { Accept: "application/json" }, signal: asked.signal })
      .then(function (answer) {
        return answer.ok ? answer.json() : { suggestions: [] };
      })
      .then(function (answer) {
        const isStale = asked.signal.aborted || box.value !== text || document.activeElement !== box;
        if (!isStale && !isComposing) show(box, answer.suggestions);
      })
      .catch(function () {
        if (!asked.signal.aborted) close(box); /* the box goes on without suggestions */
      });
  }

  /* Showing */

  function show(box, suggestions) {
    offered = suggestions;
    offeredFor = box.value;
    active = -1;
    box.removeAttribute("aria-activedescendant");
    listOf(box).replaceChildren(...suggestions.map(option));
    open(box, suggestions.length > 0);
    tell(box, suggestions.length);
  }

  function option(suggestion, at) {
    const item = document.createElement("li");
    item.className = "suggestion";
    item.id = LIST_ID + "-" + at;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.append(part("suggestion-label", suggestion.label), " ", part("suggestion-detail", suggestion.detail));
    return item;
  }

  function part(name, text) {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    return span;
  }

  function open(box, isOpened) {
    listOf(box).hidden = !isOpened;
    box.setAttribute("aria-expanded", String(isOpened));
    if (!isOpened) activate(box, -1);
  }

  function close(box) {
    forget();
    open(box, false);
    tell(box, 0);
  }

  /* Say how many there are, and nothing where there are none: people go on typing. */
  function tell(box, count) {
    const words = box.form.dataset;
    const sentence = count === 1 ? words.suggestionsOne : words.suggestionsMany.replace("#", count);
    box.parentElement.querySelector("[role='status']").textContent = count ? sentence : "";
  }

  function activate(box, at) {
    active = at;
    Array.from(listOf(box).children).forEach(function (item, place) {
      item.setAttribute("aria-selected", String(place === at));
    });
    if (at < 0) {
      box.removeAttribute("aria-activedescendant");
      return;
    }
    const item = listOf(box).children[at];
    box.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  }

  /* Choosing */

  function choose(box, suggestion) {
    close(box);
    if (suggestion.page) {
      window.location.assign(suggestion.page);
      return;
    }
    const start = units(box.value, suggestion.start);
    const end = units(box.value, suggestion.end);
    const goesOn = suggestion.kind === "field";
    const isLast = end === box.value.length;
    box.setRangeText(suggestion.text + (isLast && !goesOn ? " " : ""), start, end, "end");
    box.focus();
    if (goesOn) ask(box);
  }

  /* Up and down go round, by way of the input. */
  function move(box, step) {
    const places = offered.length + 1;
    activate(box, ((active + 1 + step + places) % places) - 1);
  }

  const WITHIN_TEXT = new Set(["ArrowLeft", "ArrowRight", "Home", "End"]);
  const KEYS = {
    ArrowDown: function (box) {
      if (isCurrent(box)) move(box, 1);
      else ask(box);
      return true;
    },
    ArrowUp: function (box) {
      if (!isCurrent(box)) return false;
      move(box, -1);
      return true;
    },
    Enter: function (box) {
      if (!isCurrent(box) || active < 0) return false;
      choose(box, offered[active]);
      return true;
    },
    Escape: function (box) {
      if (!isOpen(box)) return false;
      close(box);
      return true;
    },
    Tab: function (box) {
      close(box);
      return false;
    },
  };

  document.addEventListener("keydown", function (event) {
    hasBegun = true;
    const box = boxOf(event.target);
    if (!box) return;
    prepare(box);
    if (event.isComposing || event.keyCode === 229) { /* 229: some browsers end the composition before its key */
      if (event.key === "Enter") event.preventDefault();
      return;
    }
    const isPlain = !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (isPlain && event.key in KEYS && KEYS[event.key](box)) event.preventDefault();
    else if (WITHIN_TEXT.has(event.key) && isOpen(box)) {
      activate(box, -1);
      askSoon(box); /* of where the caret is then */
    }
  });

  document.addEventListener("input", function (event) {
    const box = boxOf(event.target);
    if (!box) return;
    prepare(box);
    activate(box, -1);
    if (!isComposing && !event.isComposing) askSoon(box);
  });

  document.addEventListener("compositionstart", function (event) {
    const box = boxOf(event.target);
    if (!box) return;
    prepare(box);
    isComposing = true;
    close(box);
  });

  document.addEventListener("compositionend", function (event) {
    isComposing = false;
    if (boxOf(event.target)) askSoon(event.target);
  });

  document.addEventListener("mousedown", function (event) {
    hasBegun = true;
    if (event.target.closest(".suggestions")) event.preventDefault(); /* the box keeps the focus */
  });

  /* An empty box that somebody goes to tells what there is; not one that a page has gone to by itself. */
  document.addEventListener("focusin", function (event) {
    const box = boxOf(event.target);
    if (!box || !hasBegun || box.value) return;
    prepare(box);
    askSoon(box);
  });

  document.addEventListener("click", function (event) {
    const item = event.target.closest(".suggestion");
    if (item) {
      const box = item.closest("form").querySelector("input[type='search']");
      if (isCurrent(box)) choose(box, offered[Array.from(item.parentElement.children).indexOf(item)]);
      return;
    }
    const box = boxOf(event.target);
    if (!box) return;
    prepare(box);
    askSoon(box);
  });

  document.addEventListener("focusout", function (event) {
    const box = boxOf(event.target);
    if (box && listOf(box)) close(box);
  });

  document.addEventListener("submit", function (event) {
    const box = event.target.querySelector("[role='combobox']");
    if (box && boxOf(box)) close(box);
  });
})();
