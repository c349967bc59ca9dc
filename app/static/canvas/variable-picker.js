// @ts-check
/**
 * Variables into the texts of a step: `{{`, or the button in the field, offers what is known of the contact, the event and the steps before;
 * then what stands there for those who have none.
 */
import { FieldPicker } from './field-picker.js';
import { optionsOf } from './field-catalog.js';
import { gettext } from '../texts.js';
import { pathInText, withFallback } from './forms.js';

const SPRITE = '/static/vendor/lucide-1.62.0/sprite.svg';
/** Names have letters of any language. */
const OPEN = /\{\{-?\s*([\p{L}\p{N}_.[\]-]*)$/u;
/** Groups that only conditions know. */
const OF_CONDITIONS = ['Consent', 'Segments', 'Tags'];
const FIELDS = 'form[data-plain] :is(input[type=text], textarea)[name]:not([data-pick], [data-values], [data-beside], [name=key], [readonly])';

/** @typedef {import('./field-picker.js').Offer} Offer */

/** What becomes of those who have no value. The step of a text may fail on purpose: a bill without an amount.
 * @returns {(Offer & {filter: string})[]} */
const without = () => [
  { label: gettext('Leave it empty'), filter: '' },
  { label: gettext('Write something else'), filter: ' | default: ""' },
  { label: gettext('Fail the step'), filter: ' | or_fail' },
].map((one) => ({ ...one, value: one.label, group: gettext('If there is no value'), note: '' }));

/** A choice of what stands for those who have no value, made beside the result, is written into the texts of the form.
 * @param {HTMLFormElement} form @param {any} control */
export function writeFallback(form, control) {
  const { ifMissing, instead } = control.dataset;
  const ways = { empty: '', default: 'default: "…"', fail: 'or_fail' };
  const rule = instead === undefined ? ways[control.value] : `default: "${control.value.replaceAll('"', '”')}"`;
  for (const field of /** @type {any} */ (form.querySelectorAll('input[type=text], textarea'))) {
    const text = withFallback(field.value, ifMissing ?? instead, rule);
    if (text !== field.value) field.value = text;
  }
}

export class VariablePicker extends FieldPicker {
  constructor() {
    super(() => {}, 'variable-picker', gettext('Variables'));
    this.button = document.createElement('button');
    this.button.type = 'button';
    this.button.className = 'variables';
    this.button.tabIndex = -1; // the keyboard has {{
    this.button.title = gettext('Insert a variable, or type {{');
    this.button.setAttribute('aria-label', gettext('Insert a variable'));
    this.button.innerHTML = `<svg class="i" aria-hidden="true"><use href="${SPRITE}#i-braces"></use></svg>`;
    this.button.addEventListener('pointerdown', (event) => event.preventDefault()); // the field keeps the focus
    this.button.addEventListener('click', () => this.list());
    /** The variable that was chosen, while it is asked what stands there without a value. */
    this.chosen = '';
  }

  /** @param {any} control a text in which placeholders are filled in? */
  takes(control) {
    if (!control.matches?.(FIELDS) || control.disabled || ['json', 'list', 'choice', 'number'].includes(control.dataset.kind)) return false;
    const plain = control.form.dataset.plain.split(' ');
    return !plain.includes(control.name.split('.')[0]) && !control.closest('.cond');
  }

  /** @param {any} target */
  focused(target) {
    if (!this.takes(target)) return;
    this.control = target;
    this.chosen = '';
    (target.closest('.fld') ?? target.parentElement).append(this.button);
  }

  clicked() {} // a text opens no list by a click: people place the cursor

  /** The list of all, for mouse and touch. */
  list() {
    if (this.box.matches(':popover-open')) return this.close(false);
    this.chosen = '';
    this.show(true);
  }

  /** A text stays a text for a screen reader. */
  expand() {}

  /** @param {boolean} [leave] */
  close(leave = true) {
    super.close(leave);
    this.chosen = '';
    if (leave) this.button.remove();
  }

  /** What stands before the cursor since `{{`. */
  get typed() {
    const { control } = this;
    return OPEN.exec(control?.value.slice(0, control.selectionStart ?? 0) ?? '');
  }

  /** @param {boolean} all */
  show(all) {
    if (!all && !this.typed) return this.close(false);
    super.show(false);
    if (this.offers.length) this.point(0);
  }

  words() {
    return this.chosen ? '' : (this.typed?.[1] ?? '').toLowerCase();
  }

  /** @returns {Offer[]} */
  offered() {
    if (this.chosen) return without();
    return optionsOf('known-fields')
      .filter(({ dataset: { group = '', row } }) => !row && !OF_CONDITIONS.includes(group))
      .map(({ value, label, dataset: { group = '', kind = '' } }) => ({ value, label: label || value, group, note: kind }));
  }

  /** @param {any} offer */
  choose(offer) {
    if (!offer || !this.control) return;
    if (!this.chosen) {
      this.chosen = offer.value;
      return this.show(true);
    }
    this.insert(this.chosen, offer.filter);
  }

  /** @param {string} path @param {string} filter */
  insert(path, filter) {
    const control = /** @type {HTMLInputElement} */ (this.control);
    const end = control.selectionEnd ?? control.value.length;
    const start = this.typed ? end - this.typed[0].length : (control.selectionStart ?? end);
    const closed = /^[\p{L}\p{N}_.[\]-]*\s*\}\}/u.exec(control.value.slice(end))?.[0].length ?? 0;
    const text = `{{ ${pathInText(path)}${filter} }}`;
    control.setRangeText(text, start, end + closed, 'end');
    const quote = text.endsWith('"" }}') ? start + text.length - 4 : -1;
    if (quote >= 0) control.setSelectionRange(quote, quote); // what else to write is typed at once
    this.close(false);
    control.focus();
    for (const type of ['input', 'change']) control.dispatchEvent(new Event(type, { bubbles: true }));
  }
}
