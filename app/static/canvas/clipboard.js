// @ts-check
/** Copy, cut, paste and duplicate: as JSON on the clipboard, so that steps go to other workflows, other programs and back. */
import { clip } from './commands.js';
import { later } from './later.js';
import { gettext, ngettext } from '../texts.js';

const copiesPart = later(() => import('./copies.js'));
const nothing = () => gettext('Nothing is selected that could be copied. A trigger stays where it is.');
const items = (/** @type {number} */ number) => ngettext('%(number)s item', '%(number)s items', number);

export class Clipboard {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** What was copied last on this page, for browsers that keep the clipboard to themselves. */
    this.text = '';
    for (const kind of ['copy', 'cut', 'paste']) document.addEventListener(kind, (event) => this.onClipboard(kind, /** @type {ClipboardEvent} */ (event)));
  }

  /** The browser's own copy, cut and paste. @param {string} kind @param {ClipboardEvent} event */
  onClipboard(kind, event) {
    const { canvas } = this;
    const target = /** @type {HTMLElement} */ (document.activeElement);
    if (target?.closest('input, textarea, select, [contenteditable]:focus, dialog') || !canvas.editable) return;
    if (kind !== 'paste' && getSelection()?.toString()) return;
    event.preventDefault();
    if (kind === 'paste') {
      this.paste(event.clipboardData?.getData('text/plain') ?? '');
      return;
    }
    const text = this.taken(canvas.targets());
    if (text) event.clipboardData?.setData('text/plain', text);
    if (text && kind === 'cut') canvas.actions.remove(canvas.targets());
  }

  /** The steps and notes as text, '' when there are none. @param {string[]} ids */
  taken(ids) {
    const { canvas } = this;
    const { graph } = canvas;
    const clipped = clip(graph, ids);
    const count = clipped.nodes.length + clipped.notes.length;
    if (!count) {
      canvas.announce(nothing(), 'err');
      return '';
    }
    const one = clipped.nodes.length === 1 && count === 1;
    canvas.announce(gettext('Copied %(what)s', { what: one ? canvas.titleOf(clipped.nodes[0].id) : items(count) }));
    return (this.text = JSON.stringify(clipped));
  }

  /** From a menu: not every browser lets a page at the clipboard. @param {string[]} ids */
  copy(ids) {
    const text = this.taken(ids);
    if (text) navigator.clipboard?.writeText(text).catch(() => {});
    return text;
  }

  /** @param {import('./viewport.js').Point} [at] where, in flow coordinates */
  async pasteFromMenu(at) {
    const text = await navigator.clipboard?.readText().catch(() => '');
    if (text || this.text) return this.paste(text || this.text, at);
    return this.canvas.announce(gettext('This browser keeps the clipboard to itself. Press Ctrl V.'), 'err');
  }

  /** @param {string} text @param {import('./viewport.js').Point} [at] */
  paste(text, at) {
    return this.canvas.using(copiesPart, (copies) => copies.pasteText(this.canvas, text, at));
  }

  /** @param {string[]} ids */
  duplicate(ids) {
    return this.canvas.using(copiesPart, (copies) => copies.duplicate(this.canvas, ids) || this.canvas.announce(nothing(), 'err'));
  }
}
