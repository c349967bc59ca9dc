// @ts-check
/** The texts of a form in which placeholders are filled in, and what is written into them. */
import { withFallback } from './forms.js';

const FIELDS = 'form[data-plain] :is(input[type=text], textarea)[name]:not([data-pick], [data-values], [data-beside], [name=key], [readonly])';

/** A choice of what stands for those who have no value, made beside the result, is written into the texts of the form.
 * @param {HTMLFormElement} form @param {any} control */
export function writeFallback(form, control) {
  const { ifMissing, instead } = control.dataset;
  const ways = { empty: '', default: 'default: "…"', fail: 'or_fail' };
  const rule = instead === undefined ? ways[control.value] : `default: "${control.value.replaceAll('"', '”')}"`;
  for (const field of /** @type {any} */ (form.querySelectorAll('input[type=text], textarea'))) {
    const text = withFallback(field.value, ifMissing ?? instead, rule);
    if (text === field.value) continue;
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true })); // chips over it follow
  }
}

/** Is it a text in which placeholders are filled in? @param {any} control */
export function takesVariables(control) {
  if (control?.area) return takesVariables(control.area); // its chips
  if (!control?.matches?.(FIELDS) || control.disabled || ['json', 'list', 'choice', 'number'].includes(control.dataset.kind)) return false;
  const plain = control.form.dataset.plain.split(' ');
  return !plain.includes(control.name.split('.')[0]) && !control.closest('.cond');
}
