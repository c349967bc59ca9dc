// @ts-check
/** Copy, cut, paste and duplicate: as JSON on the clipboard, so that steps go to other workflows, other programs and back. */
import { WIDTH, clip, paste, snapPoint } from './commands.js';
import { freeShift } from './free-space.js';
import { readClip } from './read-clip.js';
import { bounds, fit, overlaps, sight, toFlow } from './viewport.js';

const CARD = 96;
const NOTHING = 'Nothing is selected that could be copied. A trigger stays where it is.';
const counted = (number, one) => `${number} ${one}${number === 1 ? '' : 's'}`;

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
      canvas.announce(NOTHING, 'err');
      return '';
    }
    const one = clipped.nodes.length === 1 && count === 1;
    canvas.announce(`Copied ${one ? canvas.titleOf(clipped.nodes[0].id) : counted(count, 'item')}`);
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
    return this.canvas.announce('This browser keeps the clipboard to itself. Press Ctrl V.', 'err');
  }

  /** @param {string} text @param {import('./viewport.js').Point} [at] */
  paste(text, at) {
    const { canvas } = this;
    const { clipped, why, left } = readClip(text, canvas.graph);
    if (!clipped) return canvas.announce(why, 'err');
    const added = this.put(clipped, at, (count) => `Pasted ${counted(count, 'item')}`);
    if (added && left.length) canvas.announce(`Pasted ${counted(clipped.nodes.length, 'step')}. ${left.join(' ')}`, 'note');
    return added;
  }

  /** @param {string[]} ids */
  duplicate(ids) {
    const { canvas } = this;
    const clipped = clip(canvas.graph, ids);
    if (!clipped.nodes.length && !clipped.notes.length) return canvas.announce(NOTHING, 'err');
    return this.put(clipped, undefined, (count) => `Duplicated ${count > 1 ? counted(count, 'item') : canvas.titleOf(ids[0])}`);
  }

  /** Add a clip where nothing lies: at `at`, beside its originals when they are in sight here, else in the middle of the view. */
  put(clipped, at, label) {
    const { canvas } = this;
    const { graph, scene } = canvas;
    const boxOf = (item) => ({ ...item.position, w: item.width ?? WIDTH, h: item.height ?? scene.boxes.get(item.id)?.h ?? CARD });
    const parts = [...clipped.nodes, ...(clipped.notes ?? [])].map(boxOf);
    const group = /** @type {import('./viewport.js').Box} */ (bounds(parts));
    const present = clipped.nodes.some((node) => graph.nodes.has(node.id)) && overlaps(group, sight(canvas.view, scene.size));
    const middle = toFlow(canvas.view, { x: scene.size.w / 2, y: scene.size.h / 3 });
    const goal = at ?? (present ? group : { x: middle.x - group.w / 2, y: middle.y });
    const by = snapPoint({ x: goal.x - group.x, y: goal.y - group.y });
    const moved = parts.map((part) => ({ ...part, x: part.x + by.x, y: part.y + by.y }));
    const free = freeShift([...scene.boxes.values()], moved);
    const copies = paste(clipped, { x: by.x + free.x, y: by.y + free.y });
    if (!canvas.perform(copies.ops, label(copies.ids.length), { select: copies.ids })) return false;
    if (graph.node(copies.ids[0])) canvas.focusOn(copies.ids[0]);
    this.showAll(copies.ids);
    return true;
  }

  /** Bring all of these into sight, farther away when there is no other way. @param {string[]} ids */
  showAll(ids) {
    const { canvas } = this;
    const { boxes, size } = canvas.scene;
    const box = bounds(ids.map((id) => /** @type {any} */ (boxes.get(id))).filter(Boolean));
    if (!box || canvas.outline || ids.length < 2) return;
    const { k } = canvas.view;
    if (box.w * k > size.w - 64 || box.h * k > size.h - 128) canvas.setView(fit(box, size), true);
    else canvas.reveal(box);
  }
}
