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
/** It has so many times the width and height of the canvas, one before it and one behind it, so that it is seldom moved. */
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
  return { x: Math.floor((seen.x - seen.w) / step) * step, y: Math.floor((seen.y - seen.h) / step) * step };
}

export class Ground {
  /** @param {HTMLElement} plane */
  constructor(plane) {
    this.plane = plane;
    this.element = make('div', 'ground');
    plane.prepend(this.element);
    /** What it covers, at which zoom. @type {any} */
    this.laid = null;
  }

  /** Before a frame in which the view has changed. @param {View} view @param {Size} size */
  show(view, size) {
    const zoomed = this.laid?.k !== view.k;
    if (zoomed) this.settle();
    else this.move();
    if (zoomed || !contains(this.laid, sight(view, size))) this.lay(view, size);
  }

  /** @param {View} view @param {Size} size */
  lay(view, size) {
    const { x, y } = groundAt(view, size);
    const [w, h, gap] = [TIMES * size.w, TIMES * size.h, gapAt(view.k)];
    this.element.style.cssText = `width:${w}px;height:${h}px;background-size:${gap}px ${gap}px;transform:translate(${x}px,${y}px) scale(${1 / view.k})`;
    this.laid = { x, y, w: w / view.k, h: h / view.k, k: view.k };
  }

  /** Only where one looks changes. */
  move() {
    this.plane.classList.add('panning');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), REST_MS);
  }

  settle() {
    this.plane.classList.remove('panning');
  }
}
