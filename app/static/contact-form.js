// @ts-check
/** The form of a contact: attributes are added and removed, and each is written into an input of its type. Without scripts one empty row is there. */
import { gettext } from "./texts.js";

const list = /** @type {HTMLElement | null} */ (document.querySelector("[data-attributes]"));
let fresh = 10_000; // numbers of new rows, behind those that the server gave

/** @param {Element} row */
const valueOf = (row) =>
  /** @type {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} */ (row.querySelector("[name^=attribute_value_]"));

/** Put the input of another type in place of the present one; what was written stays where it fits. @param {HTMLSelectElement} select */
function retype(select) {
  const row = /** @type {Element} */ (select.closest("[data-attribute]"));
  const old = valueOf(row);
  const template = /** @type {HTMLTemplateElement} */ (document.querySelector(`template[data-input="${select.value}"]`));
  const field = /** @type {HTMLElement} */ (/** @type {HTMLElement} */ (template.content.firstElementChild).cloneNode(true));
  const input = /** @type {HTMLInputElement} */ (field.querySelector("input, select, textarea"));
  input.name = old.name;
  input.setAttribute("aria-label", old.getAttribute("aria-label") ?? "");
  input.value = old.value; // a date or a choice takes only what it can hold
  /** @type {Element} */ (old.closest(".fld")).replaceWith(field);
  complain(row, "");
}

/** Say below its input what is wrong with a row; nothing for "". @param {Element} row @param {string} text */
function complain(row, text) {
  const input = valueOf(row);
  input.toggleAttribute("aria-invalid", text !== "");
  row.querySelector(".bad-text")?.remove();
  if (!text) return;
  input.setAttribute("aria-invalid", "true");
  const line = document.createElement("p");
  line.className = "bad-text";
  line.textContent = text;
  /** @type {Element} */ (input.closest("td")).append(line);
}

function add() {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("attribute-row"));
  const row = /** @type {HTMLElement} */ (/** @type {HTMLElement} */ (template.content.firstElementChild).cloneNode(true));
  fresh += 1;
  for (const control of row.querySelectorAll("[name]")) {
    control.setAttribute("name", (control.getAttribute("name") ?? "").replace("new", String(fresh)));
  }
  list?.append(row);
  dress(row);
  /** @type {HTMLElement} */ (row.querySelector("input")).focus();
}

/** @param {ParentNode} part */
function dress(part) {
  for (const button of part.querySelectorAll("[data-remove-attribute]")) button.removeAttribute("hidden");
}

if (list) {
  const form = /** @type {HTMLFormElement} */ (list.closest("form"));
  const more = /** @type {HTMLElement} */ (form.querySelector("[data-add-attribute]"));
  more.hidden = false;
  form.noValidate = true; // a half-written date would be sent as nothing: said here, in our own words
  dress(list);
  more.addEventListener("click", add);
  list.addEventListener("click", (event) => {
    const row = event.target instanceof Element && event.target.closest("[data-remove-attribute]")?.closest("[data-attribute]");
    if (!row) return;
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    /** @type {HTMLElement} */ (next?.querySelector("input") ?? more).focus();
  });
  list.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement && event.target.name.startsWith("attribute_kind_")) retype(event.target);
  });
  form.addEventListener("submit", (event) => {
    const half = [...list.children].filter((row) => valueOf(row).validity.badInput);
    for (const row of half) complain(row, gettext("Write the whole date, or empty it."));
    if (!half.length) return;
    event.preventDefault();
    event.stopPropagation();
    valueOf(half[0]).focus();
  }, true);
}
