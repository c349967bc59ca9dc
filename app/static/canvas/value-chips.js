// @ts-check
/**
 * A list of values as chips, in the control that holds one value for other operators: Enter, a comma, leaving the field or a paste adds
 * what was typed, Backspace or × takes one away. What the list says is the text of its chips and of the field, with commas between.
 */
import { gettext } from '../texts.js';
const SPRITE = '/static/vendor/lucide-1.62.0/sprite.svg';
const LIST = 'input[data-chips]';

/** Parts of a text between commas; one in quotes may hold commas itself. @param {string} text */
export const partsOf = (text) => (text.match(/\s*"[^"]*"\s*|[^,]+/g) ?? []).map((part) => part.trim()).filter(Boolean);

/** @param {Element} control @returns {HTMLElement[]} */
const chipsOf = (control) => [.../** @type {any} */ (control.parentElement).querySelectorAll('.value-chip')];

/** Does the chosen operator take a list? @param {Element} control */
function takesList(control) {
  const operator = /** @type {any} */ (control.closest('[data-item]')?.querySelector('[name=operator]'));
  return operator?.selectedOptions[0]?.dataset.shape === 'many';
}

/** What chips and field say together. @param {HTMLInputElement} control */
export const wholeText = (control) => (control.dataset.chips === undefined ? control.value
  : [...chipsOf(control).map((chip) => chip.dataset.text), control.value.trim()].filter(Boolean).join(', '));

/** The values that are chosen, as people read them. @param {Element} control */
export const chosenValues = (control) => chipsOf(control).map((chip) => chip.textContent ?? '');

/** Quotes are shown where they say that a number is meant as text. @param {string} part */
const face = (part) => {
  const inner = /^"(.*)"$/.exec(part)?.[1] ?? part;
  return /^(true|false|-?\d+(\.\d+)?|)$/.test(inner.trim()) ? part : inner;
};

/** @param {string} part */
function chipOf(part) {
  const chip = document.createElement('span');
  chip.className = 'value-chip';
  chip.dataset.text = part;
  const name = document.createElement('span');
  name.textContent = face(part);
  name.title = face(part);
  const button = document.createElement('button');
  button.type = 'button';
  button.title = gettext('Remove');
  button.setAttribute('aria-label', gettext('Remove %(face)s', { face: face(part) }));
  button.innerHTML = `<svg class="i" aria-hidden="true"><use href="${SPRITE}#i-x"></use></svg>`;
  chip.append(name, button);
  return chip;
}

/** Make chips of what is typed; without `all`, of what ends with a comma. @param {HTMLInputElement} control @param {boolean} all */
function take(control, all) {
  const text = control.value;
  if (!all && (!text.includes(',') || text.split('"').length % 2 === 0)) return; // a quote is still open
  const parts = partsOf(text);
  const open = all || /,\s*$/.test(text) ? '' : parts.pop() ?? '';
  const known = new Set(chipsOf(control).map((chip) => chip.dataset.text));
  for (const part of parts.filter((one) => !known.has(one) && known.add(one))) control.before(chipOf(part));
  control.value = open;
  describe(control);
}

/** @param {HTMLInputElement} control */
function describe(control) {
  const values = chosenValues(control);
  control.placeholder = values.length ? '' : gettext('Add values');
  control.setAttribute('aria-description', values.length ? gettext('Chosen: %(join)s', { join: values.join(', ') }) : gettext('Enter or a comma adds a value'));
}

/** Show a control as chips while its operator takes a list, as text while it takes one value. @param {HTMLInputElement} control */
export function dressList(control) {
  const many = takesList(control);
  if (many === (control.dataset.chips !== undefined)) return;
  if (many) {
    control.dataset.chips = '';
    take(control, true);
  } else {
    control.value = wholeText(control);
    for (const chip of chipsOf(control)) chip.remove();
    delete control.dataset.chips;
    control.placeholder = gettext('Value');
    control.removeAttribute('aria-description');
  }
  control.parentElement?.classList.toggle('chips', many);
}

/** Tell whoever owns the form. @param {HTMLInputElement} control */
function changed(control) {
  describe(control);
  for (const type of ['input', 'change']) control.dispatchEvent(new Event(type, { bubbles: true }));
}

/** @param {Element} chip */
function remove(chip) {
  const control = /** @type {HTMLInputElement} */ (chip.parentElement?.querySelector(LIST));
  chip.remove();
  control.focus();
  changed(control);
}

/** @param {HTMLInputElement} control @param {KeyboardEvent} event @returns {boolean} is the key used here? */
function typedIn(control, event) {
  if (event.key === 'Enter' && control.value.trim() && !control.getAttribute('aria-activedescendant')) {
    take(control, true);
    changed(control);
    return true;
  }
  const last = chipsOf(control).pop();
  if (control.value || !last || !['Backspace', 'ArrowLeft'].includes(event.key)) return false;
  if (event.key === 'Backspace') remove(last);
  else last.querySelector('button')?.focus();
  return true;
}

/** @param {HTMLElement} chip @param {string} key */
function typedOn(chip, key) {
  const beside = { ArrowLeft: chip.previousElementSibling, ArrowRight: chip.nextElementSibling }[key];
  const next = /** @type {any} */ (beside?.matches('.value-chip') ? beside.querySelector('button') : beside);
  if (key === 'Backspace' || key === 'Delete') remove(chip);
  else if (next) next.focus();
  else return false;
  return true;
}

function listen() {
  document.addEventListener('keydown', (event) => {
    const target = /** @type {any} */ (event.target);
    const chip = target.closest?.('.value-chip');
    if (event.isComposing || !(chip ? typedOn(chip, event.key) : target.matches?.(LIST) && typedIn(target, event))) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  document.addEventListener('input', (event) => {
    const target = /** @type {any} */ (event.target);
    if (target.matches?.(LIST) && !(/** @type {InputEvent} */ (event).isComposing)) take(target, false);
  }, true);
  document.addEventListener('focusout', (event) => {
    const target = /** @type {any} */ (event.target);
    if (target.matches?.(LIST) && target.isConnected) take(target, true);
  }, true);
  document.addEventListener('paste', (event) => {
    const target = /** @type {any} */ (event.target);
    const text = event.clipboardData?.getData('text') ?? '';
    if (!target.matches?.(LIST) || target.disabled || !/[,\n\t]/.test(text)) return;
    event.preventDefault();
    target.setRangeText(text.replace(/[\r\n\t]+/g, ','), target.selectionStart, target.selectionEnd, 'end');
    take(target, true);
    changed(target);
  }, true);
  document.addEventListener('click', (event) => {
    const target = /** @type {any} */ (event.target);
    const button = target.closest?.('.value-chip button');
    if (button) remove(button.parentElement);
    else if (target.matches?.('.fld.chips')) target.querySelector(LIST)?.focus();
  });
}

// Not where modules are loaded without a page, as in the tests of what they compute.
if (globalThis.document) listen();
