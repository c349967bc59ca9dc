// @ts-check
/** Step-through of one run: Back, Next, the slider and a click on a step light the path on the drawing up to that step. */

import { gettext } from "./texts.js";

/** The chosen step; null follows the newest one while the run is under way. @type {number | null} */
let chosen = null;

const pageOf = () => /** @type {HTMLElement | null} */ (document.querySelector(".run-page"));

/** @param {boolean} follow bring the step and its card into view */
function show(follow) {
  const root = pageOf();
  if (!root) return;
  /** @type {{node: string, edge: string}[]} */
  const path = JSON.parse(root.dataset.path ?? "[]");
  const last = path.length - 1;
  const at = Math.min(Math.max(chosen ?? last, 0), last);
  const nodes = new Set(path.slice(0, at + 1).map((step) => step.node));
  const edges = new Set(path.slice(0, at + 1).map((step) => step.edge));
  let broken = false;
  for (const item of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-index]"))) {
    const current = Number(item.dataset.index) === at;
    item.classList.toggle("here", current);
    item.classList.toggle("later", Number(item.dataset.index) > at);
    if (current) broken = item.dataset.bad !== undefined;
    if (current) label(root, at, last, item.dataset.name ?? "", item.dataset.time ?? "");
    if (current && follow) item.scrollIntoView({ block: "nearest" });
  }
  for (const card of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-node]"))) {
    const current = card.dataset.node === path[at].node;
    card.classList.toggle("dim", !nodes.has(card.dataset.node ?? ""));
    card.classList.toggle("now", current && !broken);
    card.classList.toggle("broken", current && broken);
    if (current) centre(card);
  }
  for (const line of root.querySelectorAll("[data-edge]")) {
    const lit = edges.has(line.getAttribute("data-edge") ?? "");
    line.classList.toggle("lit", lit);
    line.classList.toggle("dim", !lit);
  }
}

/** Scroll the sheet, and only the sheet, so that the card is inside it. @param {HTMLElement} card */
function centre(card) {
  const sheet = card.closest(".fcw");
  if (!sheet) return;
  const [a, b] = [card.getBoundingClientRect(), sheet.getBoundingClientRect()];
  sheet.scrollLeft += a.left + a.width / 2 - (b.left + b.width / 2);
  sheet.scrollTop += a.top + a.height / 2 - (b.top + b.height / 2);
}

/** @param {HTMLElement} root @param {number} at @param {number} last @param {string} name @param {string} time */
function label(root, at, last, name, time) {
  const slider = /** @type {HTMLInputElement} */ (root.querySelector("[data-step-slider]"));
  slider.value = String(at);
  const place = { at: at + 1, last: last + 1 }; // the trigger is the first, as on the canvas
  slider.setAttribute("aria-valuetext", gettext("Step %(at)s of %(last)s, %(name)s", { ...place, name }));
  const put = (/** @type {string} */ selector, /** @type {string} */ text) => {
    const line = root.querySelector(selector);
    if (line) line.textContent = text;
  };
  put("[data-step-name]", gettext("Step %(at)s of %(last)s", place));
  put("[data-step-time]", time);
  const done = /** @type {HTMLElement | null} */ (root.querySelector("[data-step-done]"));
  if (done) done.style.width = last ? `${(100 * at) / last}%` : "100%";
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (root.querySelectorAll("button[data-step]"))) {
    button.disabled = button.dataset.step === "-1" ? at === 0 : at === last;
  }
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target.closest("[data-step], [data-go]") : null;
  const slider = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-step-slider]"));
  if (!(target instanceof HTMLElement) || !slider) return;
  const at = target.dataset.go ? Number(target.dataset.go) : Number(slider.value) + Number(target.dataset.step);
  chosen = at >= Number(slider.max) ? null : at;
  show(!target.dataset.go);
});
document.addEventListener("input", (event) => {
  const slider = event.target;
  if (!(slider instanceof HTMLInputElement) || slider.dataset.stepSlider === undefined) return;
  chosen = Number(slider.value) >= Number(slider.max) ? null : Number(slider.value);
  show(true);
});

// On paper everything stands open; afterwards what was closed is closed again.
/** @type {HTMLDetailsElement[]} */
let closed = [];
addEventListener("beforeprint", () => {
  closed = [.../** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll(".run-page details:not([open])"))];
  for (const one of closed) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of closed) one.open = false;
});

document.addEventListener("htmx:after:swap", () => show(false));
show(false);
