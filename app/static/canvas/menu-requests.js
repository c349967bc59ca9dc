// @ts-check
/** Who asks for the menu of all verbs, and where: right click, menu key, Shift F10, and a long press by the gestures. The menu is `context-menu.js`. */
import { later } from './later.js';

const menuPart = later(() => import('./context-menu.js'));

export class MenuRequests {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {import('./context-menu.js').ContextMenu | undefined} */
    this.menu = undefined;
    canvas.addEventListener('contextmenu', (event) => this.wanted(/** @type {PointerEvent} */ (event)));
  }

  /** @param {PointerEvent} event */
  wanted(event) {
    const target = this.canvas.gestures.farCard(event) ?? /** @type {HTMLElement} */ (event.target);
    if (target.closest('.note-text:focus, input')) return; // the browser's own menu: spelling, paste
    event.preventDefault();
    if (event.pointerType === 'touch' && !this.canvas.outline) return; // a long press is told by the gestures, which the outline has not
    if (this.canvas.outline && target.closest('.node')) return this.open(target, { x: event.clientX, y: event.clientY });
    if (event.button === 2) this.open(target, { x: event.clientX, y: event.clientY });
    else this.open(); // by the keyboard
  }

  /** Of what lies there, or of what has the focus. @param {Element} [target] @param {{x: number, y: number}} [spot] on the screen */
  open(target, spot) {
    return this.canvas.using(menuPart, ({ ContextMenu }) => {
      this.menu ??= new ContextMenu(this.canvas);
      if (target && spot) this.menu.open(target, spot);
      else this.menu.openAtFocus();
    });
  }
}
