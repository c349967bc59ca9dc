// @ts-check
/** The lines that show what a dragged card lines up with. Both stay in the page: for a new one the browser asks every rule with :has() again. */
import { make } from './elements.js';

/** How far a line reaches beyond the card. */
const REACH = 2000;

export class Guides {
  /** @param {Element} layer */
  constructor(layer) {
    this.lines = ['x', 'y'].map(() => /** @type {SVGElement} */ (make('path', 'guide')));
    layer.append(...this.lines);
  }

  /** @param {number | null} x where the upright one stands @param {number | null} y where the level one lies @param {{x: number, y: number}} box */
  show(x, y, box) {
    [x, y].forEach((at, index) => {
      const line = this.lines[index];
      line.setAttribute('d', at === null ? '' : index ? `M${box.x - REACH},${at}h${2 * REACH}` : `M${at},${box.y - REACH}v${2 * REACH}`);
    });
  }

  hide() {
    this.show(null, null, { x: 0, y: 0 });
  }
}
