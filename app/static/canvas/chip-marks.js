// @ts-check
/** Chips in a text of CodeMirror: what stands for a variable, and how it looks. They are one letter to the cursor. */
import { iconOf } from './field-catalog.js';
import { faceOf } from './chip-faces.js';
import { chipsIn } from './liquid-chips.js';
import { gettext } from '../texts.js';

/** @param {any} cm @param {import('./chip-texts.js').ChipText} owner */
export function chipMarks(cm, owner) {
  class Chip extends cm.WidgetType {
    constructor({ chip, face }, isSelected) {
      super();
      this.chip = chip;
      this.face = face;
      this.isSelected = isSelected;
      this.key = JSON.stringify([this.face, chip.rule, chip.instead, chip.filters, isSelected]);
    }

    eq(other) {
      return other.key === this.key;
    }

    toDOM(view) {
      const dom = drawn(this.chip, this.face);
      dom.classList.toggle('sel', this.isSelected);
      dom.addEventListener('mousedown', (event) => event.preventDefault());
      dom.addEventListener('click', () => owner.openRule(view.posAtDOM(dom)));
      return dom;
    }
  }
  owner.redrawn = cm.StateEffect.define();
  /** The selected one of them looks another way. */
  const marks = (faces, { selection: { main } }) => {
    const selected = faces.findIndex(({ chip }) => main.from === chip.from && main.to === chip.to);
    const ranges = faces.map((one, at) => cm.Decoration.replace({ widget: new Chip(one, at === selected) }).range(one.chip.from, one.chip.to));
    return { faces, selected, ranges: cm.Decoration.set(ranges) };
  };
  const create = (state) => marks(chipsIn(state.doc.toString()).map((chip) => ({ chip, face: faceOf(chip) })), state);
  /** A step of the cursor looks nothing up, and draws only where a chip is selected or was. */
  const update = (before, { docChanged, effects, selection, state }) => {
    if (docChanged || effects.some((effect) => effect.is(owner.redrawn))) return create(state);
    const { from, to } = state.selection.main;
    const touches = selection && (before.selected >= 0 || before.faces.some(({ chip }) => chip.from === from && chip.to === to));
    return touches ? marks(before.faces, state) : before;
  };
  return cm.StateField.define({
    create,
    update,
    provide: (field) => [
      cm.EditorView.decorations.from(field, ({ ranges }) => ranges), cm.EditorView.atomicRanges.of((view) => view.state.field(field).ranges),
    ],
  });
}

/** @param {import('./liquid-chips.js').Chip} chip @param {import('./chip-faces.js').Face} face */
function drawn(chip, face) {
  const dom = document.createElement('span');
  dom.className = face.odd ? 'chip odd' : 'chip';
  dom.setAttribute('role', 'img');
  dom.setAttribute('aria-label', face.words);
  const sample = face.sample && gettext('%(value)s, for the sample', { value: face.sample });
  dom.title = [sample, chip.path, gettext('Click to change it')].filter(Boolean).join('\n');
  const name = document.createElement('span');
  name.textContent = face.label;
  dom.append(iconOf(face.group), name);
  const filters = [...chip.filters.map((one) => one.split(':')[0]), ...(chip.rule === 'fail' ? [gettext('or fail')] : [])].join(', ');
  for (const text of [filters, chip.rule === 'default' ? chip.instead : '']) {
    if (!text) continue;
    const more = document.createElement('em');
    more.textContent = text;
    dom.append(more);
  }
  return dom;
}

/** @param {boolean} one is it one line? @param {number} rows */
export const chipStyles = (one, rows) => ({
  '&': { fontSize: '13px', color: 'var(--text)', backgroundColor: 'transparent', border: '0' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': {
    fontFamily: 'inherit', lineHeight: '22px', overflow: 'auto', minHeight: one ? '0' : `${Math.max(rows, 3) * 22 + 12}px`, maxHeight: '330px',
  },
  '.cm-content': { caretColor: 'var(--text)', padding: '6px 0' },
  '.cm-line': { padding: '0' },
  '.cm-placeholder': { color: 'var(--text-3)' },
  '.chip': {
    display: 'inline-flex', alignItems: 'center', maxWidth: '100%', height: '20px', margin: '1px 1px 0', padding: '0 6px 0 5px', gap: '4px',
    borderRadius: '6px', verticalAlign: 'top', background: 'var(--accent-soft)', color: 'var(--accent)',
    fontSize: '12px', lineHeight: '20px', fontWeight: '500', cursor: 'pointer', userSelect: 'none', boxSizing: 'border-box',
  },
  '.chip:hover': { boxShadow: 'inset 0 0 0 1px var(--accent)' },
  '.chip.sel': { boxShadow: '0 0 0 2px var(--ring)' },
  '.chip.odd': { background: 'var(--warn-soft)', color: 'var(--warn)' },
  '.chip > span, .chip > em': { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  '.chip > em': { paddingLeft: '5px', borderLeft: '1px solid currentColor', fontStyle: 'normal', fontWeight: '400', color: 'var(--text-2)' },
  '.chip svg': { flex: 'none', width: '12px', height: '12px', fill: 'none', stroke: 'currentColor', strokeWidth: '2', strokeLinecap: 'round' },
  // the sheet for forced colours does not reach into the shadow root
  '@media (forced-colors: active)': {
    '.chip, .chip:hover': { outline: '1px solid', outlineOffset: '-1px' },
    '.chip.odd': { outlineStyle: 'dashed' },
    '.chip.sel': { outline: '2px solid Highlight' },
  },
});
