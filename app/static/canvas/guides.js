// @ts-check
/** The lines that show what a dragged card lines up with. Both stay in the page: for a new one the browser asks every rule with :has() again. */
import { make } from './elements.js';

/** How far a line reaches beyond the card. */
const REACH = 2000;

export class Guides {
  /** @param {Element} layer */
  constructor(layer) {
    this.lines = ['x', 'y'].map(() => /** @type {SVGElement} */ (make('line', '', { visibility: 'hidden' })));
    layer.append(...this.lines);
  }

  /** @param {number | null} x where the upright one stands @param {number | null} y where the level one lies @param {{x: number, y: number}} box */
  show(x, y, box) {
    const [upright, level] = this.lines;
    this.draw(upright, x === null ? null : { x1: x, x2: x, y1: box.y - REACH, y2: box.y + REACH });
    this.draw(level, y === null ? null : { x1: box.x - REACH, x2: box.x + REACH, y1: y, y2: y });
  }

  hide() {
    for (const line of this.lines) this.draw(line, null);
  }

  /** @param {SVGElement} line @param {Record<string, number> | null} ends null: it is not seen */
  draw(line, ends) {
    const seen = ends ? 'visible' : 'hidden';
    if (line.getAttribute('visibility') !== seen) line.setAttribute('visibility', seen);
    for (const [name, value] of Object.entries(ends ?? {})) if (line.getAttribute(name) !== String(value)) line.setAttribute(name, String(value));
  }
}
