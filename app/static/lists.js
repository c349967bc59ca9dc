// @ts-check
/** A list whose rows can be chosen: by mouse, keyboard or touch, on this page or all that fit; and what is asked before something is done. */
import { gettext } from "./texts.js";

const number = new Intl.NumberFormat(document.documentElement.lang);
const bar = /** @type {HTMLElement | null} */ (document.querySelector(".bulk"));
/** Ids that are chosen on this page: they stay when the rows are refreshed. */
const chosen = /** @type {Set<string>} */ (new Set());
/** What all that fit are called, once the server has counted them. */
let everything = "";
/** How many those are: never more are done. */
let counted = 0;
let last = "";

const boxes = () => /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll("#rows td.pick input[name=id]")]);
const rows = () => /** @type {HTMLElement} */ (document.querySelector("#bulk-rows"))?.dataset ?? {};
let query = rows().query;

function words() {
  if (everything) return everything;
  return gettext("%(number)s selected", { number: number.format(chosen.size) });
}

function show() {
  if (!bar) return;
  const all = boxes();
  for (const box of all) {
    box.checked = chosen.has(box.value);
    box.closest("tr")?.setAttribute("aria-selected", String(box.checked));
  }
  bar.hidden = !chosen.size;
  /** @type {HTMLElement} */ (bar.querySelector("b")).textContent = words();
  const every = /** @type {HTMLInputElement | null} */ (document.querySelector("#every"));
  if (every) {
    every.checked = all.length > 0 && chosen.size === all.length;
    every.indeterminate = chosen.size > 0 && chosen.size < all.length;
  }
  const offer = /** @type {HTMLElement} */ (bar.querySelector("[data-select-all]"));
  offer.hidden = Boolean(everything) || rows().more === undefined || chosen.size < all.length;
}

function clear() {
  chosen.clear();
  everything = "";
  show();
}

function choose(/** @type {HTMLInputElement[]} */ some, /** @type {boolean} */ on) {
  everything = "";
  for (const box of some) on ? chosen.add(box.value) : chosen.delete(box.value);
  show();
}

async function selectAll() {
  const before = rows().query ?? "";
  const answer = await fetch(`/lists/${bar?.dataset.list}/fitting?filters=${encodeURIComponent(before)}`);
  if (!answer.ok) return;
  const { words: fitting, count } = await answer.json();
  // Meanwhile the filters may have changed, or nothing may be chosen any more.
  if (before !== (rows().query ?? "") || !chosen.size) return;
  everything = fitting;
  counted = count;
  show();
}

document.addEventListener("change", (event) => {
  const box = /** @type {HTMLInputElement} */ (event.target);
  if (box.id === "every") choose(boxes(), box.checked);
  else if (box.matches("#rows td.pick input[name=id]")) choose([box], box.checked);
});

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest("[data-unselect]")) {
    clear();
    /** @type {HTMLElement | null} */ (document.querySelector("#every"))?.focus();
  } else if (target.closest("[data-select-all]")) selectAll();
  const box = /** @type {HTMLInputElement | null} */ (target.closest("#rows td.pick input[name=id]"));
  if (!box) return;
  const all = boxes();
  const before = all.findIndex((one) => one.value === last);
  if (event.shiftKey && before >= 0) {
    const [from, to] = [before, all.indexOf(box)].sort((a, b) => a - b);
    choose(all.slice(from, to + 1), box.checked);
  }
  last = box.value;
});

/** J and K go from row to row, X chooses the one with the focus. */
function walk(/** @type {string} */ key, /** @type {Element} */ from) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#rows tbody .p1 a.nm")]);
  const row = from.closest("#rows tbody tr");
  const place = links.findIndex((link) => row?.contains(link));
  if (key === "x") {
    const box = /** @type {HTMLInputElement | null} */ (row?.querySelector("td.pick input") ?? null);
    if (box) choose([box], !box.checked);
    return Boolean(box);
  }
  const next = links[place < 0 ? 0 : place + (key === "j" ? 1 : -1)];
  next?.focus();
  return Boolean(next);
}

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && chosen.size && !document.querySelector("details.menu[open]")) clear();
  const typing = target.closest("input:not([type=checkbox]),textarea,select,[contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !["j", "k", "x"].includes(event.key)) return;
  if (walk(event.key, target)) event.preventDefault();
});

// A dialog says how many it is about, and sends them.
document.addEventListener("click", (event) => {
  const opener = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest(".bulk [data-open]"));
  const place = opener && document.querySelector(`#${opener.dataset.open} [data-chosen]`);
  if (place) place.textContent = words();
});

document.addEventListener("formdata", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const data = /** @type {FormDataEvent} */ (event).formData;
  if (form.closest("dialog.bulkd")) {
    data.set("query", rows().query ?? "");
    if (everything) {
      data.set("all", "1");
      data.set("counted", String(counted));
    } else for (const id of chosen) data.append("id", id);
  }
  if (form.closest("dialog.bulkd") || form.matches(".bulk-undo")) data.set("to", location.pathname + location.search);
});

document.addEventListener("htmx:after:swap", () => {
  const ended = document.querySelector("#bulk-jobs[data-ended]");
  ended?.removeAttribute("data-ended");
  // Whoever is in the middle of something keeps it: what has ended may be somebody else's.
  if (ended && !chosen.size && !document.querySelector("dialog[open]")) {
    location.reload();
    return;
  }
  const present = new Set(boxes().map((box) => box.value));
  for (const id of chosen) if (!present.has(id)) chosen.delete(id);
  if (rows().query !== query || !chosen.size) everything = "";
  query = rows().query;
  show();
});
window.addEventListener("pageshow", show);
show();
