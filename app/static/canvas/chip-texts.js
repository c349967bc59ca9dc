// @ts-check
/**
 * Chips for the variables of a text: CodeMirror over the field that the form reads, which stays, out of sight, and is told each change.
 * A field without variables stays as it is, and so does every field when the module cannot be loaded. Raw Liquid can be typed as before.
 */
import { editorTheme, loadCodeMirror } from '../code-look.js';
import { chipsIn, sourceOf } from './liquid-chips.js';
import { chipMarks, chipStyles } from './chip-marks.js';
import { lengthLimit } from './chip-limit.js';
import { ChipRule } from './chip-rule.js';
import { faceOf, knowSamples, knowSlips } from './chip-faces.js';
import { gettext } from '../texts.js';

/** Keys that the page knows wherever one types. */
const OF_PAGE = ['k', 's'];

export class ChipText extends HTMLElement {
  /** @param {any} cm CodeMirror @param {any} area the field @param {string} before what stood there before the last change
   * @param {(text: string) => void} say tells a screen reader */
  open(cm, area, before, say) {
    Object.assign(this, { cm, area, say });
    area.chips = this;
    const held = document.activeElement === area;
    const selection = { anchor: area.selectionStart, head: area.selectionEnd };
    area.after(this);
    area.classList.add('behind-chips');
    area.tabIndex = -1;
    area.setAttribute('aria-hidden', 'true');
    area.addEventListener('focus', () => this.focus());
    area.addEventListener('input', () => this.follow());
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true });
    this.view = new cm.EditorView({ parent: root, root, doc: before, extensions: this.extensions() });
    root.addEventListener('focusin', ({ target }) => target === this.view.scrollDOM && this.view.focus()); // what the browser delegates to
    if (before !== area.value) this.write(area.value); // one step of undo
    this.view.dispatch({ selection: clamp(selection, this.view.state.doc.length) });
    this.attributes_ = new MutationObserver(() => this.describe());
    this.attributes_.observe(area, { attributes: true, attributeFilter: ['aria-invalid', 'aria-describedby', 'disabled'] });
    for (const name of ['keyup', 'copy', 'cut', 'paste', 'input']) this.addEventListener(name, (event) => event.stopPropagation());
    this.addEventListener('keydown', (event) => this.keeps(event) && event.stopPropagation());
    this.rule = new ChipRule(this);
    this.describe();
    if (held) this.view.focus();
  }

  disconnectedCallback() {
    if (this.isConnected || !this.view) return;
    this.attributes_.disconnect();
    this.view.destroy();
  }

  /** Letters belong to the text; what closes, finds and saves goes on. @param {KeyboardEvent} event */
  keeps(event) {
    return event.key !== 'Escape' && !((event.ctrlKey || event.metaKey) && OF_PAGE.includes(event.key.toLowerCase()));
  }

  extensions() {
    const { cm, area } = this;
    const one = area.localName === 'input';
    this.writable = new cm.Compartment();
    return [
      cm.history(), cm.EditorView.lineWrapping, cm.placeholder(area.placeholder), chipMarks(cm, this), editorTheme(cm, chipStyles(one, area.rows)),
      this.writable.of([]), lengthLimit(cm, area, this.say),
      cm.Prec.highest(cm.keymap.of(this.keys(one))), cm.keymap.of([...cm.defaultKeymap, ...cm.historyKeymap]),
      cm.EditorView.clipboardInputFilter.of((text) => (one ? text.replace(/\s*[\r\n]+\s*/g, ' ') : text)),
      cm.EditorView.updateListener.of((update) => this.updated(update)),
      cm.EditorView.domEventHandlers({ blur: () => this.leave() }),
    ];
  }

  /** @param {boolean} one is it one line? */
  keys(one) {
    const turn = (way) => ({ run: () => this.step(way) });
    const line = () => {
      if (!this.selected()) this.leave();
      return this.openRule() || one;
    };
    return [{ key: 'ArrowLeft', ...turn(-1) }, { key: 'ArrowRight', ...turn(1) }, { key: 'Enter', run: line }];
  }

  /** The chip that is selected as a whole. */
  selected() {
    const { from, to } = this.view.state.selection.main;
    return chipsIn(this.value).find((chip) => chip.from === from && chip.to === to);
  }

  /** An arrow key stops at a chip, which is read out, before it goes on. @param {-1 | 1} way */
  step(way) {
    const { main } = this.view.state.selection;
    const at = this.selected();
    if (at) {
      this.view.dispatch({ selection: { anchor: way < 0 ? at.from : at.to } });
      return true;
    }
    const next = main.empty && chipsIn(this.value).find((chip) => (way < 0 ? chip.to : chip.from) === main.head);
    if (!next) return false;
    this.view.dispatch({ selection: { anchor: way < 0 ? next.to : next.from, head: way < 0 ? next.from : next.to }, scrollIntoView: true });
    const chip = faceOf(next).words;
    this.say(this.disabled ? chip : gettext('%(chip)s. Enter changes it, Backspace removes it.', { chip }));
    return true;
  }

  /** @param {number} [at] where the chip begins; the selected one without it @param {boolean} [asking] was it just inserted? */
  openRule(at, asking = false) {
    const chip = at === undefined ? this.selected() : chipsIn(this.value).find((one) => one.from === at);
    if (!chip || this.area.disabled) return false;
    this.rule.show(chip, asking);
    return true;
  }

  /** @param {import('./liquid-chips.js').Chip} chip @param {Partial<import('./liquid-chips.js').Chip>} changed */
  rewrite(chip, changed) {
    const insert = sourceOf({ ...chip, ...changed });
    this.view.dispatch({ changes: { from: chip.from, to: chip.to, insert }, userEvent: 'input.chip' });
  }

  /** @param {any} update of CodeMirror */
  updated(update) {
    if (!update.docChanged || this.disabled) return;
    this.rule?.moved(update.changes);
    if (this.area.value === this.value) return;
    this.area.value = this.value;
    this.unsaid = true;
    this.area.dispatchEvent(new Event('input', { bubbles: true }));
  }

  /** The field is left: what was typed counts. */
  leave() {
    if (!this.unsaid) return;
    this.unsaid = false;
    this.area.dispatchEvent(new Event('change', { bubbles: true }));
  }

  /** Somebody else wrote into the field. */
  follow() {
    if (this.area.value !== this.value) this.write(this.area.value);
  }

  /** @param {string} text */
  write(text) {
    const { doc } = this.view.state;
    this.view.dispatch({ changes: { from: 0, to: doc.length, insert: text }, selection: { anchor: text.length }, userEvent: 'set' });
  }

  /** What the field says of itself is said of the editor. */
  describe() {
    const { area, cm } = this;
    const texts = (area.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent?.trim());
    const label = area.getAttribute('aria-label') ?? area.labels?.[0]?.textContent?.trim() ?? '';
    const attributes = {
      'aria-label': label, 'aria-description': texts.filter(Boolean).join(' '), 'aria-multiline': String(area.localName === 'textarea'),
      spellcheck: String(area.spellcheck), tabindex: '0', ...(area.disabled ? { 'aria-readonly': 'true' } : {}),
      ...(area.getAttribute('aria-invalid') ? { 'aria-invalid': 'true' } : {}),
    };
    this.view.dispatch({
      effects: this.writable.reconfigure([
        cm.EditorView.contentAttributes.of(attributes), cm.EditorView.editable.of(!area.disabled), cm.EditorState.readOnly.of(area.disabled),
      ]),
    });
  }

  /** Draw the chips anew: what is known of them has changed. */
  redraw() {
    this.view.dispatch({ effects: this.redrawn.of(null) });
  }

  // ---- as a field: whoever inserts a variable knows no difference

  get value() {
    return this.view.state.doc.toString();
  }

  get name() {
    return this.area.name;
  }

  get form() {
    return this.area.form;
  }

  get disabled() {
    return this.area.disabled;
  }

  get selectionStart() {
    return this.view.state.selection.main.from;
  }

  get selectionEnd() {
    return this.view.state.selection.main.to;
  }

  setSelectionRange(anchor, head) {
    this.view.dispatch({ selection: clamp({ anchor, head }, this.view.state.doc.length) });
  }

  setRangeText(insert, from, to) {
    this.view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: 'input.chip' });
  }

  /** @param {{clientX: number, clientY: number}} point */
  positionAt({ clientX, clientY }) {
    return this.view.posAtCoords({ x: clientX, y: clientY }, false);
  }

  focus() {
    this.view.focus();
  }
}

/** @param {{anchor: number, head: number}} selection @param {number} most */
const clamp = ({ anchor, head }, most) => ({ anchor: Math.min(anchor ?? most, most), head: Math.min(head ?? most, most) });

if (globalThis.customElements && !customElements.get('chip-text')) customElements.define('chip-text', ChipText);

/** Chips over a field; nothing where the module cannot be loaded. @param {any} area @param {string} before @param {(text: string) => void} say
 * @returns {Promise<ChipText | undefined>} */
export async function openChips(area, before, say) {
  if (area.chips) return area.chips;
  const cm = await loadCodeMirror();
  if (area.chips || !area.isConnected) return area.chips;
  const chips = /** @type {ChipText} */ (document.createElement('chip-text'));
  chips.open(cm, area, before, say);
  return chips;
}

/** What is known of variables from now on. @param {{samples?: Record<string, string>, slips?: Map<string, string>}} news */
export function know({ samples, slips }) {
  if (samples) knowSamples(samples);
  if (slips) knowSlips(slips);
  for (const chips of /** @type {any} */ (document.querySelectorAll('chip-text'))) chips.redraw();
}
