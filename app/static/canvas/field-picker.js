// @ts-check
/**
 * A searchable list below the field that has the focus: of what a condition can look at (`data-pick`), and of values that were met
 * (`data-values`). Whatever is typed may stay: the list suggests. Arrow keys, Enter, Escape; touch and mouse.
 */
import { entryOf, iconOf, optionsOf, wordOf } from './field-catalog.js';
import { chosenValues } from './value-chips.js';
import { samplesOf } from './sample-values.js';
import { gettext } from '../texts.js';

const MOST = 60;
/** Rows of which the sample says whether they hold. */
const ASKED = ['row-tag', 'row-segment'];
/** What has a list: fields of a condition, values that were met, and whatever a `<datalist>` of the page offers. */
const TAKES = 'input[data-pick], input[data-values], input[list], input[data-offers]';

/** @typedef {{value: string, label: string, group: string, note: string, row?: string, isNumber?: boolean}} Offer */

/** The `<datalist>` whose names a control offers, '' where it offers values. @param {HTMLInputElement} control */
const listed = (control) => control.dataset.pick ?? control.dataset.offers ?? '';

/** @param {HTMLInputElement} control @returns {Offer[]} */
function fieldsFor(control) {
  const event = /** @type {any} */ (control.closest('.did')?.querySelector('[name=event]'))?.value;
  return optionsOf(listed(control))
    .filter(({ dataset: { events } }) => !events || !event || JSON.parse(events).includes(event))
    .map(({ value, label, dataset: { group = '', row, kind = '' } }) => ({ value, label: label || value, group, row, note: row ? '' : kind }));
}

/** @param {HTMLInputElement} control @returns {Offer[]} */
function valuesFor(control) {
  const field = /** @type {any} */ (control.closest('[data-item]')?.querySelector('[data-pick]'));
  const known = field ? entryOf(field)?.dataset : undefined; // not taken apart here: the minifier would put that before `field`
  const values = JSON.parse(known?.values ?? '[]');
  const isNumber = known?.kind === 'number';
  const chosen = new Set(isList(control) ? chosenValues(control) : []);
  return values.filter((value) => !chosen.has(value)).map((value) => ({ value, label: value, group: '', note: '', isNumber }));
}

/** Does a list of values stand in this control? @param {HTMLInputElement} control */
const isList = (control) => control.dataset.chips !== undefined;

/** Text in quotes where it would be read as something else. @param {string} text */
export const quoted = (text) => (/^(true|false|-?\d+(\.\d+)?)$|,/.test(text.trim()) ? `"${text}"` : text);

/** How well an offer fits what is typed: its name, the beginning of it, a part; below zero: not at all. @param {Offer} offer @param {string} words */
function fit({ label, value, group }, words) {
  const names = [label, value].map((name) => name.toLowerCase());
  if (names.includes(words)) return 3;
  if (names.some((name) => name.startsWith(words))) return 2;
  return `${names.join(' ')} ${group.toLowerCase()}`.includes(words) ? 1 : -1;
}

/** The first of those that fit best. @param {Offer[]} offers @param {string} words @returns {Offer} */
const best = (offers, words) => offers.reduce((most, one) => (fit(one, words) > fit(most, words) ? one : most));

export class FieldPicker {
  /** @param {(row: Element, offer: Offer) => void} become what an offer that is a row of its own becomes
   * @param {string} [id] of the list @param {string} [label] */
  constructor(become, id = 'field-picker', label = gettext('Suggestions')) {
    this.become = become;
    this.most = MOST;
    this.list = document.createElement('div');
    this.list.id = id;
    this.list.setAttribute('role', 'listbox');
    this.list.setAttribute('aria-label', label);
    this.box = this.frame();
    this.box.popover = 'manual';
    (document.querySelector('main') ?? document.body).append(this.box);
    /** @type {HTMLInputElement | null} */
    this.control = null;
    this.active = -1;
    /** @type {Offer[]} */
    this.offers = [];
    /** @type {Record<string, string>} */
    this.samples = {};
    /** The name of the sample. */
    this.who = '';
    /** What somebody left as it is typed, by Escape. */
    this.typedAnyway = '';
    this.pressed = false;
    /** What has room below it now. @type {Set<HTMLElement>} */
    this.roomy = new Set();
    document.addEventListener('focusin', (event) => this.focused(/** @type {any} */ (event.target)));
    document.addEventListener('focusout', (event) => this.left(event));
    // What is pressed stays where it is until the pointer is up.
    document.addEventListener('pointerdown', () => (this.pressed = true), true);
    for (const type of ['pointerup', 'pointercancel']) {
      document.addEventListener(type, () => setTimeout(() => {
        this.pressed = false;
        this.takeRoom();
      }), true);
    }
    document.addEventListener('input', ({ target }) => this.control && [target, /** @type {any} */ (target).chips].includes(this.control) && this.show(false));
    document.addEventListener('click', (event) => event.target === this.control && this.clicked());
    document.addEventListener('keydown', (event) => this.key(event), true);
    document.addEventListener('scroll', (event) => !this.box.contains(/** @type {any} */ (event.target)) && this.place(), true);
    this.list.addEventListener('pointerdown', (event) => this.press(event));
    this.list.addEventListener('click', (event) => {
      const option = /** @type {any} */ (event.target).closest('[role=option]');
      if (option) this.choose(this.offers[Number(option.dataset.at)]);
    });
  }

  /** What is shown and hidden: the list itself. @returns {HTMLElement} */
  frame() {
    this.list.className = 'picker';
    return this.list;
  }

  /** @param {FocusEvent} _event something loses the focus */
  left(_event) {
    this.settle();
    this.close();
  }

  /** The field keeps the focus. @param {PointerEvent} event */
  press(event) {
    event.preventDefault();
  }

  /** @param {EventTarget | null} target of a key */
  hears(target) {
    return target === this.control;
  }

  /** @param {any} target */
  focused(target) {
    if (!target.matches?.(TAKES) || target.disabled) return;
    if (target.list) {
      target.dataset.offers = target.list.id;
      target.removeAttribute('list'); // else the browser's own list lies over this one
    }
    this.control = target;
    this.show(true);
  }

  /** What was typed becomes the field that it means; whole paths stay. */
  settle() {
    const meant = this.isUnknown && !this.words().includes('.') && this.entryMeant();
    if (meant && !meant.row) this.choose(meant);
  }

  /** Is a field still being looked for in this control? @param {EventTarget | null} control */
  searches(control) {
    return control === this.control && this.isUnknown && this.offered().some((one) => fit(one, this.words()) > 0);
  }

  /** Is something typed that is no field that is known, where one is looked for? */
  get isUnknown() {
    const { control } = this;
    return !!control?.dataset.pick && !!this.words() && this.typedAnyway !== control.value && !entryOf(control);
  }

  /** What is meant by what is typed: the one of that name, or the only one that begins so. @returns {Offer | undefined} */
  entryMeant() {
    const words = this.words();
    const all = this.offered().map((offer) => ({ offer, fits: fit(offer, words) }));
    const exact = all.filter(({ fits }) => fits === 3);
    const begun = exact.length ? exact : all.filter(({ fits }) => fits === 2);
    return begun.length === 1 ? begun[0].offer : undefined;
  }

  clicked() {
    if (!this.box.matches(':popover-open')) this.show(true);
  }

  /** What is looked for. */
  words() {
    return this.control?.value.trim().toLowerCase() ?? '';
  }

  /** @returns {Offer[]} */
  offered() {
    const control = /** @type {HTMLInputElement} */ (this.control);
    return listed(control) ? fieldsFor(control) : valuesFor(control);
  }

  /** @param {boolean} all also what does not fit the text that stands there already */
  show(all) {
    const { control } = this;
    if (!control) return;
    const words = all ? '' : this.words();
    const fitting = this.offered().filter((one) => fit(one, words) > 0);
    this.offers = fitting.slice(0, this.most);
    this.active = -1;
    if (!this.offers.length) return this.close(false);
    this.draw();
    this.expand(true);
    control.setAttribute('aria-controls', this.list.id);
    if (!this.box.matches(':popover-open')) this.box.showPopover();
    this.place();
    if (!all && this.isUnknown) this.point(this.offers.indexOf(best(this.offers, words)));
    if (control.dataset.pick === 'known-fields') this.fillIn(control.form);
  }

  draw() {
    const parts = [];
    let group = '';
    for (const [at, one] of this.offers.entries()) {
      if (one.group !== group) {
        ({ group } = one);
        const head = document.createElement('div');
        head.className = 'picker-group';
        head.setAttribute('role', 'presentation');
        head.textContent = wordOf(group);
        parts.push(head);
      }
      const option = document.createElement('div');
      option.setAttribute('role', 'option');
      option.id = `${this.list.id}-${at}`;
      option.dataset.at = String(at);
      option.setAttribute('aria-selected', 'false');
      const name = document.createElement('span');
      name.textContent = one.label;
      const note = document.createElement('small');
      note.textContent = wordOf(one.note);
      option.append(...(one.group ? [iconOf(one.group)] : []), name, note);
      this.dressOption(option, one);
      parts.push(option);
    }
    this.list.replaceChildren(...parts);
  }

  /** What an option says besides: what the sample has there; of a whole condition, whether it holds. @param {HTMLElement} option @param {Offer} offer */
  dressOption(option, offer) {
    const held = this.samples[`${offer.row}:${offer.value}`];
    const value = offer.row ? held ?? (this.who && ASKED.includes(offer.row) ? gettext('no') : undefined) : this.samples[offer.value];
    if (value === undefined) return;
    const sample = document.createElement('span');
    sample.className = 'sample';
    sample.dir = 'auto';
    sample.textContent = value;
    option.append(sample);
    option.title = value;
  }

  /** The sample's values come a moment later. @param {Element | null} form */
  async fillIn(form) {
    const { who, values } = await samplesOf(/** @type {any} */ (form));
    if (this.samples === values || !this.box.matches(':popover-open')) return;
    Object.assign(this, { samples: values, who });
    const { active } = this;
    this.draw();
    this.place();
    if (active >= 0) this.point(active);
  }

  place() {
    const { control, box } = this;
    if (!control || !box.matches(':popover-open')) return;
    const field = (control.closest('.fld') ?? control).getBoundingClientRect();
    const width = Math.min(Math.max(field.width, 240), innerWidth - 16);
    box.style.width = `${width}px`;
    box.style.left = `${Math.max(8, Math.min(field.left, innerWidth - width - 8))}px`;
    box.style.maxHeight = `${control.dataset.pick === undefined ? 200 : 280}px`;
    box.style.top = `${field.bottom + 4}px`;
    this.giveRoom(control, field.bottom);
  }

  /** What has room below it for the list of a control: a field itself, as its value stands below it. @param {HTMLInputElement} control */
  rowOf(control) {
    const row = control.closest(control.dataset.pick === undefined ? '.cond' : '.field');
    return /** @type {HTMLElement | null} */ (row ?? control.closest('.pair, .hrow') ?? control.closest('.fld'));
  }

  /** What comes below a list moves down instead of being covered. @param {HTMLInputElement} control @param {number} from */
  giveRoom(control, from) {
    const row = this.rowOf(control);
    if (!row) return;
    const room = `${Math.max(0, Math.round(this.box.offsetHeight + 8 - (row.getBoundingClientRect().bottom - from)))}px`;
    if (row.style.marginBottom === room) return;
    this.roomy.add(row);
    row.style.marginBottom = row.style.scrollMarginBottom = room;
    row.scrollIntoView({ block: 'nearest' });
    this.place();
  }

  /** The room of lists that are closed. */
  takeRoom() {
    if (this.pressed) return;
    const open = this.control && this.box.matches(':popover-open') && this.rowOf(this.control);
    for (const row of this.roomy) {
      if (row === open) continue;
      row.style.marginBottom = row.style.scrollMarginBottom = '';
      this.roomy.delete(row);
    }
    this.place();
  }

  /** @param {boolean} open */
  expand(open) {
    const { control } = this;
    control?.setAttribute('role', 'combobox');
    control?.setAttribute('aria-autocomplete', 'list');
    control?.setAttribute('aria-expanded', String(open));
  }

  /** @param {boolean} [leave] the field has lost the focus */
  close(leave = true) {
    if (this.box.matches(':popover-open')) this.box.hidePopover();
    this.expand(false);
    this.takeRoom();
    this.control?.removeAttribute('aria-activedescendant');
    if (leave) this.control = null;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { control } = this;
    if (!control || !this.hears(event.target)) return;
    const open = this.box.matches(':popover-open');
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (!open) this.show(true);
      else this.point((this.active + (event.key === 'ArrowDown' ? 1 : -1) + this.offers.length) % this.offers.length);
    } else if (event.key === 'Enter' && open && this.active >= 0) this.choose(this.offers[this.active]);
    else if (event.key === 'Escape' && open) {
      const holds = this.holdsEscape();
      this.typedAnyway = control.value;
      this.close(false);
      if (!holds) return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Does the first Escape mean the list alone? Not where it came by itself and nothing is chosen in it. */
  holdsEscape() {
    return this.active >= 0;
  }

  /** @param {number} at */
  point(at) {
    this.active = at;
    for (const option of this.list.querySelectorAll('[role=option]')) {
      const on = option.id === `${this.list.id}-${at}`;
      option.setAttribute('aria-selected', String(on));
      if (on) option.scrollIntoView({ block: 'nearest' });
    }
    this.control?.setAttribute('aria-activedescendant', `${this.list.id}-${at}`);
  }

  /** @param {Offer | undefined} offer */
  choose(offer) {
    const { control } = this;
    if (!control || !offer) return;
    const row = control.closest('[data-item]');
    this.close(false);
    if (offer.row && row) return this.become(row, offer);
    const written = offer.isNumber || listed(control) ? offer.value : quoted(offer.value);
    control.value = isList(control) ? `${written},` : written;
    for (const type of ['input', 'change']) control.dispatchEvent(new Event(type, { bubbles: true }));
    if (control.dataset.pick || !isList(control)) this.close(false);
  }
}
