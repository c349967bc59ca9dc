// @ts-check
/**
 * The dots below the cards, and how the plane moves. While one pans, the plane is a layer of its own that the compositor moves: nothing is painted.
 * The ground is what makes it one layer. Without something that lies below all cards, each card would become a layer, and each frame would sort them.
 */
import { make } from './elements.js';
import { contains, sight } from './viewport.js';

/** @typedef {import('./viewport.js').View} View @typedef {{w: number, h: number}} Size */

/** Between two dots, in flow units; on the screen no less than LEAST, as more dots cost more than they show. */
const GAP = 20;
const LEAST = 16;
/** It has so many times the width and height of the canvas, so that it is seldom moved. */
const TIMES = 3;
/** Until the plane is part of the page again, in ms without a move: words are drawn sharper there, and at another zoom anew. */
const REST_MS = 200;

/** @param {number} k how far apart dots are on the screen */
export const gapAt = (k) => GAP * k * 2 ** Math.max(0, Math.ceil(Math.log2(LEAST / (GAP * k))));

/**
 * Where the ground lies, in flow units: on a dot, with as much room around what is in sight as it has.
 * @param {View} view @param {Size} size
 */
export function groundAt(view, size) {
  const step = gapAt(view.k) / view.k;
  const seen = sight(view, size);
  const before = (TIMES - 1) / 2;
  return { x: Math.floor((seen.x - before * seen.w) / step) * step, y: Math.floor((seen.y - before * seen.h) / step) * step };
}

export class Ground {
  /** @param {HTMLElement} plane */
  constructor(plane) {
    this.plane = plane;
    this.element = /** @type {HTMLElement} */ (make('div', 'ground', { 'aria-hidden': 'true' }));
    plane.prepend(this.element);
    /** The view that it was laid for, and where. @type {{k: number, w: number, h: number, x: number, y: number} | null} */
    this.laid = null;
    this.k = 0;
  }

  /** Before a frame in which the view has changed. @param {View} view @param {Size} size */
  show(view, size) {
    if (view.k === this.k) this.move();
    else this.rest();
    this.k = view.k;
    const { laid } = this;
    const seen = sight(view, size);
    const same = laid && laid.k === view.k && laid.w === size.w && laid.h === size.h;
    if (!same || !contains({ x: laid.x, y: laid.y, w: TIMES * seen.w, h: TIMES * seen.h }, seen)) this.lay(view, size);
  }

  /** @param {View} view @param {Size} size */
  lay(view, size) {
    const at = groundAt(view, size);
    const gap = `${gapAt(view.k)}px`;
    const { style } = this.element;
    if (this.laid?.w !== size.w || this.laid.h !== size.h) Object.assign(style, { width: `${TIMES * size.w}px`, height: `${TIMES * size.h}px` });
    if (this.laid?.k !== view.k) style.backgroundSize = `${gap} ${gap}`;
    style.transform = `translate(${at.x}px,${at.y}px) scale(${1 / view.k})`;
    this.laid = { ...at, ...size, k: view.k };
  }

  /** Only where one looks changes. */
  move() {
    this.plane.classList.add('panning');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(), REST_MS);
  }

  rest() {
    clearTimeout(this.timer);
    this.plane.classList.remove('panning');
  }
}
