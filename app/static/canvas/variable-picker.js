// @ts-check
/**
 * Variables into the texts of a step: `{{`, or the button in the field, opens the tree of what is known of the contact, the event and the
 * steps before. Enter, a click or a drag puts one into the text; what stands there for those who have none is asked by `chip-texts.js`.
 */
import { FieldPicker } from './field-picker.js';
import { FieldTree } from './field-tree.js';
import { entryOfPath, optionsOf } from './field-catalog.js';
import { samplesOf } from './sample-values.js';
import { gettext } from '../texts.js';
import { pathInText } from './forms.js';
import { Landing } from './field-landing.js';
import { takesVariables } from './variable-texts.js';

const SPRITE = '/static/vendor/lucide-1.62.0/sprite.svg';
/** Names have letters of any language. */
const OPEN = /\{\{-?\s*([\p{L}\p{N}_.[\]-]*)$/u;
const MOST = 400;

/** @typedef {import('./field-picker.js').Offer} Offer */

export class VariablePicker extends FieldPicker {
  constructor() {
    super(() => {}, 'variable-picker', gettext('Variables'));
    this.most = MOST;
    this.list.tabIndex = 0; // it scrolls
    this.button = document.createElement('button');
    this.button.type = 'button';
    this.button.className = 'variables';
    this.button.tabIndex = -1; // the keyboard has {{
    this.button.title = gettext('Insert a variable, or type {{');
    this.button.setAttribute('aria-label', gettext('Insert a variable'));
    this.button.innerHTML = `<svg class="i" aria-hidden="true"><use href="${SPRITE}#i-braces"></use></svg>`;
    this.button.addEventListener('pointerdown', (event) => event.preventDefault()); // the field keeps the focus
    this.button.addEventListener('click', () => this.browse());
    /** Opened by its button, so that arrow keys and Enter are its own. */
    this.browsing = false;
    this.listen();
  }

  listen() {
    const { tree } = this;
    tree.cross.addEventListener('click', () => {
      tree.pinned = false;
      this.leaveTree();
    });
    tree.pin.addEventListener('click', () => this.pin());
    tree.search.addEventListener('input', () => this.show(true));
    document.addEventListener('pointerdown', (event) => {
      const target = /** @type {any} */ (event.target);
      if (this.isOpen && !tree.pinned && !this.box.contains(target) && target !== this.control && !this.button.contains(target)) this.close();
    });
    new Landing(this.list, (option) => this.offers[Number(option.dataset.at)]?.value ?? '', (text, path) => this.insert(text, path));
    window.addEventListener('resize', () => this.place());
  }

  frame() {
    this.tree = new FieldTree(this.list);
    return this.tree.box;
  }

  get isOpen() {
    return this.box.matches(':popover-open');
  }

  /** A form is there: a tree that is pinned shows what it can take. @param {HTMLElement | null} form */
  ready(form) {
    if (form && form === this.form) return; // a part of it came anew
    this.form = form;
    const first = form && [...form.querySelectorAll('input, textarea')].find((field) => takesVariables(field) && !field.closest('[hidden]'));
    if (this.isOpen) this.box.hidePopover();
    this.control = null;
    this.last = /** @type {any} */ (first ?? null);
    if (this.last && this.tree.pinned) this.show(true);
    this.tree.place();
  }

  /** @param {any} target */
  focused(target) {
    if (!takesVariables(target)) return;
    this.control = this.last = target;
    this.browsing = false;
    (target.closest('.fld') ?? target.parentElement).append(this.button);
  }

  clicked() {} // a text opens no list by a click: people place the cursor

  /** What people type into, or typed into last. */
  get text() {
    return this.control ?? (this.last?.isConnected ? this.last : null);
  }

  /** All of them, for mouse and touch. */
  browse() {
    if (this.isOpen && !this.tree.pinned) return this.leaveTree();
    this.browsing = true;
    this.tree.search.value = '';
    this.show(true);
    if (matchMedia('(pointer: coarse)').matches) this.control?.blur(); // no keyboard on the screen over the sheet
    return undefined;
  }

  /** Keep it open, or no longer. */
  pin() {
    this.tree.pinned = !this.tree.pinned;
    this.browsing = !this.tree.pinned;
    this.tree.place();
  }

  /** Back to the text. */
  leaveTree() {
    const { text } = this;
    this.close(false);
    text?.focus();
  }

  /** A text stays a text for a screen reader. */
  expand() {}

  /** @param {boolean} [leave] */
  close(leave = true) {
    this.browsing = false;
    this.active = -1;
    this.control?.removeAttribute('aria-activedescendant');
    if (this.isOpen && !this.tree.pinned) this.box.hidePopover();
    if (this.isOpen) this.showAll();
    this.tree.place();
    if (!leave) return;
    this.control = null;
    this.button.remove();
  }

  showAll() {
    this.tree.search.value = '';
    this.show(true);
  }

  /** @param {FocusEvent} event */
  left(event) {
    const to = /** @type {any} */ (event.relatedTarget);
    if (to === this.text || this.box.contains(to) || (!to && this.isOpen)) return;
    if (this.control || this.box.contains(/** @type {any} */ (event.target))) this.close();
  }

  press() {} // an option can be dragged, and takes no focus

  hears(target) {
    return this.box.contains(/** @type {any} */ (target)) || (target === this.control && (this.browsing || !!this.typed));
  }

  holdsEscape() {
    return true;
  }

  takeRoom() {} // it lies beside the form

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing) return undefined;
    const target = /** @type {any} */ (event.target);
    if (target.closest?.('.tree button') && event.key !== 'Escape') return undefined;
    const searching = this.box.contains(target);
    if (searching && event.key === 'Enter' && this.active < 0) this.active = 0;
    if (searching) this.control ??= this.text;
    if (event.key === 'Escape' && searching) {
      event.preventDefault();
      event.stopPropagation();
      return this.leaveTree();
    }
    super.key(event);
    return undefined;
  }

  /** What stands before the cursor since `{{`. */
  get typed() {
    const { control } = this;
    return OPEN.exec(control?.value.slice(0, control.selectionStart ?? 0) ?? '');
  }

  /** @param {boolean} all whatever is typed */
  show(all) {
    const searched = this.tree.search.value.trim();
    const { typed } = this;
    if (!all && !typed) return this.isOpen ? this.close(false) : undefined;
    const words = (searched || (all ? '' : typed?.[1] ?? '')).toLowerCase();
    this.offers = this.offered().filter((one) => `${one.label} ${one.value} ${one.group}`.toLowerCase().includes(words)).slice(0, this.most);
    this.active = -1;
    this.draw();
    this.tree.none.hidden = this.offers.length > 0;
    this.list.hidden = !this.offers.length;
    this.control?.setAttribute('aria-controls', this.list.id);
    if (!this.isOpen) this.box.showPopover();
    this.place();
    if (!all && this.offers.length) this.point(0);
    this.fillIn(this.text?.form ?? null);
    return undefined;
  }

  /** @param {HTMLElement | null} form */
  async fillIn(form) {
    this.tree.tell(await samplesOf(form));
    await super.fillIn(form);
  }

  place() {
    this.tree.place(this.text?.closest('.fld'));
    if (this.isOpen && this.text && this.browsing) this.tree.reveal(this.text.closest('.fld') ?? this.text);
  }

  /** @returns {Offer[]} */
  offered() {
    return optionsOf('known-fields')
      .filter(({ dataset }) => !dataset.row) // a text can say what somebody has, and asks no questions
      .map(({ value, label, dataset: { group = '', kind = '' } }) => ({ value, label: label || value, group, note: kind }));
  }

  /** @param {HTMLElement} option @param {Offer} offer */
  dressOption(option, offer) {
    option.draggable = true;
    super.dressOption(option, offer);
  }

  /** @param {Offer | undefined} offer */
  choose(offer) {
    const { text } = this;
    if (!offer || !text) return;
    this.insert(text, offer.value);
  }

  /** @param {any} text @param {string} path */
  insert(text, path) {
    this.control = text;
    const end = text.selectionEnd ?? text.value.length;
    const start = this.typed ? end - this.typed[0].length : (text.selectionStart ?? end);
    const closed = this.typed ? /^[\p{L}\p{N}_.[\]-]*\s*\}\}/u.exec(text.value.slice(end))?.[0].length ?? 0 : 0;
    text.setRangeText(`{{ ${pathInText(path)} }}`, start, end + closed, 'end');
    this.close(false);
    text.focus();
    for (const type of ['input', 'change']) text.dispatchEvent(new Event(type, { bubbles: true }));
    text.dispatchEvent(new CustomEvent('wf:variable', { bubbles: true, detail: { start, always: this.isEverywhere(path) } }));
  }

  /** Has everybody a value there, as far as is known? @param {string} path */
  isEverywhere(path) {
    return entryOfPath(path)?.dataset.everywhere !== undefined;
  }
}
