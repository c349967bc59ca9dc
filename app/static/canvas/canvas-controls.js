// @ts-check
/** What floats over the canvas and follows it: minimap, zoom, the toolbar of the selected card. */
import { WIDTH } from './commands.js';
import * as view from './viewport.js';

/** @typedef {import('./viewport.js').Box} Box */

/** Up to so many cards are found without a map. */
const MAP_ABOVE = 8;
/** Until the map is drawn, in ms without a change. */
const REST_MS = 150;

export class CanvasControls {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {import('./scene.js').Scene} scene */
  constructor(canvas, scene) {
    this.canvas = canvas;
    this.scene = scene;
    this.map = /** @type {any} */ (canvas.stage.querySelector('.mini canvas'));
    this.sight = canvas.stage.querySelector('.mini i');
    /** Have cards moved since the map was drawn? */
    this.stale = true;
    this.bar = /** @type {HTMLElement} */ (canvas.querySelector('.tb'));
    this.zoom = canvas.stage.querySelector('.zoom output');
    /** @type {any} */
    this.colours = null;
    const look = (event) => {
      if (!event.buttons || !this.fitted) return;
      const rect = this.map.getBoundingClientRect();
      const { k, x, y } = this.fitted;
      const at = { x: (event.clientX - rect.left - x) / k, y: (event.clientY - rect.top - y) / k };
      const now = canvas.view;
      canvas.setView({ k: now.k, x: scene.size.w / 2 - at.x * now.k, y: scene.size.h / 2 - at.y * now.k });
    };
    this.map?.addEventListener('pointerdown', (event) => {
      this.map.setPointerCapture(event.pointerId);
      look(event);
    });
    this.map?.addEventListener('pointermove', look);
    canvas.addEventListener('wf:select', () => scene.schedule());
    canvas.addEventListener('wf:view', () => {
      const text = `${Math.round(canvas.view.k * 100)}%`;
      // Its text is changed, not replaced: for a new child the browser asks every rule with :has() again, 1.6 ms in each frame of a zoom.
      if (this.zoom && this.zoom.textContent !== text) this.zoom.firstChild.data = text;
    });
  }

  /** What floats over the canvas now, relative to it. @returns {(Box & {mini?: boolean})[]} */
  covers() {
    const rect = this.canvas.getBoundingClientRect();
    return [...this.canvas.stage.querySelectorAll('.mini, .zoom, .legend, .pbar')].map((part) => {
      const { left, top, width, height } = part.getBoundingClientRect();
      return { x: left - rect.left, y: top - rect.top, w: width, h: height, mini: part.matches('.mini') };
    }).filter((box) => box.w > 0);
  }

  /** In each frame what is in sight is moved over the map, an element of its own; cards are drawn once nothing moves. @param {boolean} moved were cards? */
  minimap(moved) {
    this.stale ||= moved;
    clearTimeout(this.later);
    this.later = setTimeout(() => this.drawMap(), REST_MS);
    this.showSight();
  }

  /** Where what is in sight lies on the map. */
  showSight() {
    if (!this.fitted) return;
    const { k, x, y } = this.fitted;
    const seen = view.sight(this.canvas.view, this.scene.size);
    const [w, h] = [`${Math.round(seen.w * k)}px`, `${Math.round(seen.h * k)}px`];
    const { style } = this.sight;
    style.transform = `translate(${seen.x * k + x}px,${seen.y * k + y}px)`;
    if (style.width !== w || style.height !== h) Object.assign(style, { width: w, height: h });
  }

  /** The cards, where they or the scale of the map have changed. */
  drawMap() {
    const pen = this.map?.getContext('2d');
    if (this.map) this.map.parentElement.hidden = this.scene.cards.size <= MAP_ABOVE;
    if (!pen || !this.map.offsetParent) return;
    const ratio = devicePixelRatio || 1;
    const [w, h] = [this.map.clientWidth, this.map.clientHeight];
    if (this.map.width !== Math.round(w * ratio)) Object.assign(this.map, { width: Math.round(w * ratio), height: Math.round(h * ratio) });
    this.stale ||= !this.colours;
    this.colours ??= this.readColours();
    const seen = view.sight(this.canvas.view, this.scene.size);
    const fit = view.mini(view.bounds([this.scene.bounds(), seen]) ?? seen, w, h, 4);
    const same = this.fitted && (['k', 'x', 'y']).every((part) => this.fitted[part] === fit[part]);
    if (same && !this.stale) return;
    this.fitted = fit;
    this.stale = false;
    this.showSight();
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, w, h);
    pen.globalAlpha = 0.6;
    /** One path and one fill for all cards of a colour. @type {Map<string, Path2D>} */
    const paths = new Map();
    for (const id of this.scene.cards.keys()) {
      const box = /** @type {Box} */ (this.scene.boxes.get(id));
      const colour = this.colours[this.canvas.graph.presentation(id).category] ?? this.colours.exit;
      const path = paths.get(colour) ?? new Path2D();
      if (!paths.has(colour)) paths.set(colour, path);
      path.roundRect(box.x * fit.k + fit.x, box.y * fit.k + fit.y, Math.max(2, box.w * fit.k), Math.max(2, box.h * fit.k), 1.5);
    }
    for (const [colour, path] of paths) {
      pen.fillStyle = colour;
      pen.fill(path);
    }
    pen.globalAlpha = 1;
  }

  /** The buttons above the one selected card. */
  toolbar() {
    const [only, more] = this.canvas.selection;
    const box = !more && this.canvas.graph.nodes.has(only) ? this.scene.boxes.get(only) : undefined;
    const show = !!box && this.canvas.editable && !this.canvas.classList.contains('busy') && !this.scene.far;
    // Written when it changes, and only then: each write of the attribute makes the browser style all that is in the bar again.
    if (this.bar.hidden === show) this.bar.hidden = !show;
    if (!show) return;
    const at = view.toScreen(this.canvas.view, { x: /** @type {Box} */ (box).x + WIDTH, y: /** @type {Box} */ (box).y });
    this.bar.style.transform = `translate(${at.x + 8}px,${at.y - 15}px) translate(-100%,-100%)`;
  }

  /** The theme's colours as the browser resolved them; asked again after the theme changed. */
  readColours() {
    const probe = this.canvas.appendChild(document.createElement('i'));
    const read = (cls) => {
      probe.className = cls;
      return getComputedStyle(probe).color;
    };
    const colours = {};
    for (const kind of ['trigger', 'message', 'timing', 'logic', 'data', 'integration', 'exit']) colours[kind] = read(`kind-colour k-${kind}`);
    probe.remove();
    return colours;
  }
}
