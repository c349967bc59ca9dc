// @ts-check
/** Which texts of a form show chips: those that hold a variable, from when it is there on. What does that is loaded for the first of them. */
import { later } from './later.js';
import { chipsIn } from './liquid-chips.js';
import { samplesOf } from './sample-values.js';
import { takesVariables } from './variable-texts.js';

const chipsPart = later(() => import('./chip-texts.js'));

export class ChipFields {
  /** @param {HTMLElement} root the panel @param {(text: string) => void} say tells a screen reader */
  constructor(root, say) {
    this.root = root;
    this.say = say;
    /** What stood in a text when it was entered. @type {WeakMap<Element, string>} */
    this.before = new WeakMap();
    /** @type {Map<string, string>} */
    this.slips = new Map();
    root.addEventListener('focusin', ({ target }) => takesVariables(target) && this.before.set(/** @type {any} */ (target), /** @type {any} */ (target).value));
    for (const type of ['input', 'compositionend']) root.addEventListener(type, (event) => this.typed(event));
    root.addEventListener('wf:variable', (event) => this.inserted(/** @type {any} */ (event)));
  }

  /** A form is there. @param {HTMLElement} form */
  ready(form) {
    for (const field of form.querySelectorAll('input, textarea')) if (takesVariables(field)) this.open(field);
  }

  /** @param {any} event */
  typed({ target, isComposing }) {
    if (!isComposing && takesVariables(target)) this.open(target);
  }

  /** @param {any} field @returns {Promise<any>} the chips over it, if it has any */
  async open(field) {
    if (field.chips) return field.chips;
    if (!chipsIn(field.value).length) return undefined;
    try {
      const part = await chipsPart();
      this.know(part, field.form);
      return await part.openChips(field, this.before.get(field) ?? field.value, this.say);
    } catch {
      return undefined; // the field does
    }
  }

  /** @param {any} part @param {HTMLElement} form */
  async know(part, form) {
    this.part = part;
    part.know({ slips: this.slips });
    const { values } = await samplesOf(form);
    part.know({ samples: values });
  }

  /** Names that nobody has, with what is known instead. @param {{fix?: {find?: string, put?: string}}[]} diagnostics */
  mark(diagnostics) {
    this.slips = new Map(diagnostics.flatMap(({ fix }) => (fix?.find && fix.put ? [[fix.find, fix.put]] : [])));
    this.part?.know({ slips: this.slips });
  }

  /** What stands there for those without a value is asked at once. @param {CustomEvent} event */
  async inserted({ target, detail }) {
    const field = /** @type {any} */ (target);
    const chips = await this.open(field.area ?? field);
    if (chips && !detail.always) chips.openRule(detail.start, true);
  }
}
