// @ts-check
/**
 * The frame around the fields that a text can take: it stands beside the form, so that it covers no field of it, and under the thumb on a
 * phone. It can be searched, and pinned where there is room for it.
 */
import { styled } from '../style-sheet.js';
import { gettext } from '../texts.js';

const SPRITE = '/static/vendor/lucide-1.62.0/sprite.svg';
const PINNED = 'throughline.fields';
const WIDTH = 296;
/** Below this the panel lies over the canvas, and a pinned tree would leave nothing of it. */
const ROOM = matchMedia('(min-width: 1181px)');
const PHONE = matchMedia('(max-width: 640px)');

/** @param {string} icon @param {string} label */
function iconButton(icon, label) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'icb sm';
  button.title = label;
  button.setAttribute('aria-label', label);
  button.innerHTML = `<svg class="i" aria-hidden="true"><use href="${SPRITE}#i-${icon}"></use></svg>`;
  return button;
}

export class FieldTree {
  /** @param {HTMLElement} list */
  constructor(list) {
    list.className = 'tree-list';
    styled(new URL('../field-tree.css', import.meta.url).href);
    this.box = document.createElement('div');
    this.box.className = 'tree';
    this.box.setAttribute('role', 'dialog');
    this.box.setAttribute('aria-label', gettext('Fields'));
    const head = document.createElement('header');
    const title = document.createElement('b');
    title.textContent = gettext('Fields');
    this.who = document.createElement('span');
    this.who.className = 'tree-who';
    this.pin = iconButton('panel-right', gettext('Keep open'));
    this.pin.classList.add('tree-pin');
    this.cross = iconButton('x', gettext('Close'));
    head.append(title, this.who, this.pin, this.cross);
    const field = document.createElement('label');
    field.className = 'fld tree-search';
    field.innerHTML = `<svg class="i" aria-hidden="true"><use href="${SPRITE}#i-search"></use></svg>`;
    this.search = document.createElement('input');
    Object.assign(this.search, { type: 'search', placeholder: gettext('Search fields'), autocomplete: 'off', spellcheck: false });
    this.search.setAttribute('aria-label', gettext('Search fields'));
    field.append(this.search);
    this.none = document.createElement('p');
    this.none.className = 'tree-none';
    this.none.textContent = gettext('No field has this name.');
    this.none.hidden = true;
    this.none.setAttribute('role', 'status');
    const foot = document.createElement('footer');
    foot.textContent = matchMedia('(pointer: coarse)').matches ? gettext('Tap inserts it') : gettext('Enter, click or drag inserts it');
    this.box.append(head, field, list, this.none, foot);
  }

  get pinned() {
    return ROOM.matches && localStorage.getItem(PINNED) === 'pinned';
  }

  set pinned(on) {
    if (on) localStorage.setItem(PINNED, 'pinned');
    else localStorage.removeItem(PINNED);
  }

  /** @param {import('./sample-values.js').Samples} samples */
  tell({ who, event }) {
    this.who.textContent = who && event ? gettext('%(name)s after %(event)s', { name: who, event }) : who || event;
    this.who.title = this.who.textContent;
  }

  /** Beside the panel, at the height of the text that it serves; at the foot of a phone. @param {Element | null} [text] */
  place(text = null) {
    const { box, pinned } = this;
    const panel = document.getElementById('panel')?.getBoundingClientRect();
    const isOpen = box.matches(':popover-open');
    const builder = document.querySelector('.builder');
    if (builder && builder.hasAttribute('data-tree') !== (pinned && isOpen)) {
      builder.toggleAttribute('data-tree');
      box.dispatchEvent(new CustomEvent('wf:room', { bubbles: true }));
    }
    this.pin.setAttribute('aria-pressed', String(pinned));
    this.pin.hidden = !ROOM.matches;
    if (!panel || !isOpen || PHONE.matches) return box.removeAttribute('style');
    const gap = pinned ? 0 : 8;
    box.classList.toggle('pinned', pinned);
    const most = panel.height - 2 * gap;
    Object.assign(box.style, {
      left: `${Math.max(8, panel.left - WIDTH - gap)}px`, width: `${WIDTH}px`, height: pinned ? `${most}px` : '', maxHeight: `${most}px`,
    });
    const wished = (text?.getBoundingClientRect().top ?? 0) - 72;
    box.style.top = `${Math.max(panel.top + gap, Math.min(wished, panel.bottom - gap - box.offsetHeight))}px`;
    return undefined;
  }

  /** A sheet leaves the field that it serves in sight. @param {HTMLElement} field */
  reveal(field) {
    if (!PHONE.matches) return;
    const covered = field.getBoundingClientRect().bottom + 12 - this.box.getBoundingClientRect().top;
    if (covered > 0) field.closest('.pane')?.scrollBy({ top: covered });
  }
}
