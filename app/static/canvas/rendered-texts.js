// @ts-check
/** How a text comes out stands below its field: what the server filled in for the whole form is taken apart. What has no field stays below. */
import { takesVariables } from './variable-texts.js';

/** @param {HTMLElement | null} form @param {HTMLElement} all what the server filled in */
export function placeTexts(form, all) {
  for (const old of form?.querySelectorAll('.text-tried') ?? []) old.remove();
  const section = all.querySelector('section:has(> .text-tried)'); // the rules of entry stand there in words too
  if (!form || !(section instanceof HTMLElement)) return;
  const heading = section.querySelector('.lab')?.textContent?.trim() ?? '';
  const fields = [...form.querySelectorAll('input, textarea')].filter(takesVariables);
  for (const tried of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll('.text-tried'))) {
    const those = fields.filter((/** @type {any} */ field) => field.value === tried.dataset.source);
    for (const field of those) {
      const shown = /** @type {HTMLElement} */ (tried.cloneNode(true));
      shown.title = heading;
      const frame = field.closest('.fld') ?? field;
      const rule = frame.nextElementSibling?.matches('.chip-rule') ? frame.nextElementSibling : null;
      (rule ?? frame).after(shown);
    }
    if (those.length) tried.remove();
  }
  section.hidden = !section.querySelector('.text-tried');
}
