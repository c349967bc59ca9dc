// @ts-check
/** What stands there for those without a value: asked below the text, in the form, so that it covers nothing, and changed there. */
import { faceOf } from './chip-faces.js';
import { chipsIn } from './liquid-chips.js';
import { gettext } from '../texts.js';

const WAYS = () => [['default', gettext('Write instead')], ['empty', gettext('Nothing')], ['fail', gettext('Fail the step')]];

/** @param {string} name @param {string} text @param {() => void} work */
function button(name, text, work) {
  const control = document.createElement('button');
  control.type = 'button';
  control.className = name;
  control.textContent = text;
  control.addEventListener('click', work);
  return control;
}

export class ChipRule {
  /** @param {import('./chip-texts.js').ChipText} owner */
  constructor(owner) {
    this.owner = owner;
    /** Where the chip begins, while it is asked. */
    this.at = -1;
    /** Is something to be written, though nothing is yet? */
    this.asking = false;
    /** What said it when it was opened, and where: it comes back to its place. @type {Partial<import('./liquid-chips.js').Chip>} */
    this.opened = {};
    this.box = document.createElement('div');
    this.box.className = 'chip-rule';
    this.box.setAttribute('role', 'group');
    // Nothing here is a setting of the step.
    for (const name of ['input', 'change']) this.box.addEventListener(name, (event) => event.stopPropagation());
    this.box.addEventListener('keydown', (event) => this.keys(event));
  }

  get chip() {
    return chipsIn(this.owner.value).find((one) => one.from === this.at);
  }

  /** @param {import('./liquid-chips.js').Chip} chip @param {boolean} [asking] was it just inserted? */
  show(chip, asking = false) {
    this.at = chip.from;
    this.asking = asking;
    this.opened = chip;
    this.draw();
    (this.owner.closest('.fld') ?? this.owner).after(this.box);
    this.box.scrollIntoView({ block: 'nearest' });
    const first = /** @type {HTMLElement | null} */ (this.box.querySelector('input') ?? this.box.querySelector('[aria-pressed=true]'));
    first?.focus();
  }

  draw() {
    const { chip, box } = this;
    if (!chip) return this.hide(false);
    const face = faceOf(chip);
    const shown = this.asking && chip.rule === 'empty' ? 'default' : chip.rule;
    const head = document.createElement('p');
    const name = document.createElement('b');
    name.textContent = face.label;
    name.dir = 'auto';
    const sample = document.createElement('span');
    sample.textContent = face.sample;
    sample.dir = 'auto';
    head.append(name, sample);
    box.setAttribute('aria-label', gettext('If %(field)s has no value', { field: face.label }));
    const ask = document.createElement('p');
    ask.className = 'lab';
    ask.textContent = gettext('If there is no value');
    const ways = document.createElement('div');
    ways.className = 'seg';
    ways.setAttribute('role', 'group');
    ways.setAttribute('aria-label', ask.textContent);
    ways.append(...WAYS().map(([rule, text]) => {
      const way = button('', text, () => this.choose(/** @type {any} */ (rule)));
      way.setAttribute('aria-pressed', String(rule === shown));
      return way;
    }));
    box.replaceChildren(head, ask, ways, ...(shown === 'default' ? [this.field(chip.instead)] : []), this.foot());
    return undefined;
  }

  /** @param {string} instead */
  field(instead) {
    const frame = document.createElement('div');
    frame.className = 'fld';
    const input = document.createElement('input');
    Object.assign(input, { type: 'text', value: instead, maxLength: 200, autocomplete: 'off' });
    input.dataset.beside = '';
    input.id = `${this.owner.area.id}-instead`; // changes of one field are one step of undo, those of two are not
    input.placeholder = gettext('What stands there instead');
    input.setAttribute('aria-label', input.placeholder);
    input.addEventListener('input', () => this.write(input.value));
    frame.append(input);
    return frame;
  }

  /** While nothing is written, nothing stands there. @param {string} instead */
  write(instead) {
    this.asking = true;
    this.rewrite(instead ? 'default' : 'empty', instead);
  }

  /** @param {import('./liquid-chips.js').Rule} rule @param {string} [instead] */
  rewrite(rule, instead = this.chip?.instead) {
    const { chip, opened } = this;
    const before = [chip, opened].find((one) => one?.rule === rule);
    if (chip) this.owner.rewrite(chip, { rule, instead, place: before?.place });
  }

  foot() {
    const foot = document.createElement('div');
    foot.className = 'hrow';
    const grow = document.createElement('span');
    grow.className = 'grow';
    foot.append(button('btn ghost sm', gettext('Remove'), () => this.remove()), grow, button('btn sec sm', gettext('Done'), () => this.hide(true)));
    return foot;
  }

  /** @param {import('./liquid-chips.js').Rule} rule */
  choose(rule) {
    if (!this.chip) return;
    this.asking = rule === 'default';
    this.rewrite(rule === 'default' && !this.chip.instead ? 'empty' : rule);
    this.draw();
    const next = /** @type {HTMLElement | null} */ (rule === 'default' ? this.box.querySelector('input') : this.box.querySelector('[aria-pressed=true]'));
    next?.focus();
  }

  remove() {
    const { chip, owner } = this;
    this.hide(false);
    if (chip) owner.view.dispatch({ changes: { from: chip.from, to: chip.to }, selection: { anchor: chip.from }, userEvent: 'delete' });
    owner.focus();
  }

  /** @param {KeyboardEvent} event */
  keys(event) {
    if (event.isComposing || (event.key !== 'Escape' && !(event.key === 'Enter' && /** @type {any} */ (event.target).matches('input')))) return;
    event.preventDefault();
    event.stopPropagation();
    this.hide(true);
  }

  /** @param {boolean} refocus the text, behind the chip */
  hide(refocus) {
    const { chip, owner } = this;
    this.at = -1;
    this.box.remove();
    if (!chip) return;
    owner.leave();
    if (!refocus) return;
    const after = chipsIn(owner.value).find((one) => one.from === chip.from)?.to ?? chip.to;
    owner.setSelectionRange(after, after);
    owner.focus();
  }

  /** The text has changed around it, or without it. @param {any} changes of CodeMirror */
  moved(changes) {
    if (this.at < 0) return;
    this.at = changes.mapPos(this.at, -1);
    if (!this.chip && this.box.isConnected) queueMicrotask(() => !this.chip && this.hide(false));
  }
}
