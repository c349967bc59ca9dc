// @ts-check
/**
 * Far away, where there are more cards than screen readers are given at once, one picture stands for all of them and their lines: painting
 * hundreds of elements in each frame of a zoom takes 20 ms, the picture takes 3. The cards stay in the page, locked, but for the one that
 * the keyboard is at, and near enough to be pressed that under the pointer. The picture is larger than the canvas: while it covers what is
 * in sight it is moved, and drawn only where it does not. Drawn while something moves it has boxes and lines; at rest, icons and names.
 */
import { WIDTH } from './commands.js';
import * as view from './viewport.js';

/** Until names are written, in ms without a change. */
const REST_MS = 120;
/** How much of its width and height the picture has beyond each rim of the canvas, as in canvas-cards.css. */
const BEYOND = 0.2;
/** A picture that is shown larger than this is drawn again: it is blurred. */
const BLURRED = 1.3;
/** Below this zoom a name has less than 5 px. */
const NAMED = 0.18;
/** Letters that fit beside the icon at twice the size of a card's own. */
const LETTERS = 12;
const KINDS = ['trigger', 'message', 'timing', 'logic', 'data', 'integration', 'exit'];

export class FarMap {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {import('./scene.js').Scene} scene */
  constructor(canvas, scene) {
    this.canvas = canvas;
    this.scene = scene;
    this.on = false;
    this.picture = Object.assign(document.createElement('canvas'), { className: 'far-map', hidden: true });
    this.picture.setAttribute('aria-hidden', 'true');
    scene.plane.after(this.picture); // over the notes, as the cards are
    /** @type {any} */
    this.colours = null;
    /** Of which view the picture is. @type {import('./viewport.js').View | null} */
    this.drawn = null;
    /** The card under the pointer, or the one selected: a real one, with its ports. */
    this.near = '';
    /** The icon of each type. @type {Map<string, Path2D>} */
    this.icons = new Map();
    const forget = () => (this.colours = null);
    document.addEventListener('theme:change', forget);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', forget);
    canvas.addEventListener('pointermove', (event) => event.buttons || this.hover(event));
    canvas.addEventListener('wf:select', () => this.bringNear([...canvas.selection][0] ?? ''));
  }

  /** @param {boolean} on */
  turn(on) {
    if (this.on === on) return;
    this.on = on;
    this.picture.hidden = !on;
    this.drawn = null;
    if (on) return;
    clearTimeout(this.timer);
    this.bringNear('');
  }

  /** A pointer is over a card, or over what belongs to the one that is near. @param {PointerEvent} event */
  hover(event) {
    const target = /** @type {Element} */ (event.target);
    if (!this.on || this.canvas.gestures.links.open || target.closest('.near')) return;
    const card = this.canvas.gestures.farCard(event);
    this.bringNear(card?.dataset.id ?? [...this.canvas.selection][0] ?? '');
  }

  /** This card is shown with its ports, over the picture; '' for none. @param {string} id */
  bringNear(id) {
    const { scene, canvas } = this;
    const next = this.on && canvas.view.k >= view.FAR && scene.cards.has(id) ? id : '';
    if (next === this.near) return;
    scene.cards.get(this.near)?.li.classList.remove('near');
    this.near = next;
    if (!next) return;
    scene.culling.show(next);
    scene.ports(next);
    scene.cards.get(next)?.li.classList.add('near');
  }

  /** The card at a place of the canvas, the last one drawn first. @param {import('./viewport.js').Point} at @returns {HTMLElement | null} */
  cardAt(at) {
    const { x, y } = view.toFlow(this.canvas.view, at);
    for (const [id, { li }] of [...this.scene.cards].reverse()) {
      const box = this.scene.boxes.get(id);
      if (box && x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h) return li;
    }
    return null;
  }

  /** What it shows of a card has changed. */
  refresh() {
    this.drawn = null;
    if (this.on) this.scene.schedule();
  }

  /** All that is in sight, and soon its names. @param {boolean} panned has nothing changed but where one looks? */
  draw(panned) {
    if (this.near && this.canvas.view.k < view.FAR) this.bringNear('');
    if (!panned || !this.move()) this.paint(false);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.on && this.paint(true), REST_MS);
  }

  /** Put the picture where it belongs; false where it does not cover what is in sight, or would be blurred. */
  move() {
    const { drawn } = this;
    const { w, h } = this.scene.size;
    if (!drawn || !this.colours) return false;
    const { x, y, k } = this.canvas.view;
    const by = k / drawn.k;
    const [left, top] = [x - by * (drawn.x + w * BEYOND), y - by * (drawn.y + h * BEYOND)];
    const wide = by * (1 + 2 * BEYOND);
    if (by > BLURRED || left > 0 || top > 0 || left + w * wide < w || top + h * wide < h) return false;
    this.picture.style.transform = `translate(${left + w * BEYOND}px,${top + h * BEYOND}px) scale(${by})`;
    return true;
  }

  /** @param {boolean} withNames */
  paint(withNames) {
    const pen = /** @type {CanvasRenderingContext2D} */ (this.picture.getContext('2d'));
    const ratio = devicePixelRatio || 1;
    const { w, h } = this.scene.size;
    const all = { w: w * (1 + 2 * BEYOND), h: h * (1 + 2 * BEYOND) };
    const [width, height] = [Math.round(all.w * ratio), Math.round(all.h * ratio)];
    if (this.picture.width !== width || this.picture.height !== height) Object.assign(this.picture, { width, height });
    const { k } = this.canvas.view;
    const at = { k, x: this.canvas.view.x + w * BEYOND, y: this.canvas.view.y + h * BEYOND };
    this.drawn = this.canvas.view;
    this.picture.style.transform = '';
    this.colours ??= this.readColours();
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.setTransform(ratio * k, 0, 0, ratio * k, ratio * at.x, ratio * at.y);
    const seen = view.sight(at, all);
    this.lines(pen);
    this.cards(pen, seen);
    if (withNames && k >= NAMED) this.names(pen, seen);
  }

  /** @param {CanvasRenderingContext2D} pen */
  lines(pen) {
    const { edge, err, accent } = this.colours;
    const [common, failing, chosen] = [new Path2D(), new Path2D(), new Path2D()];
    for (const [id, { points }] of this.scene.routes) {
      const way = this.canvas.selection.has(id) ? chosen : this.canvas.graph.edges.get(id)?.sourceHandle === 'error' ? failing : common;
      points.forEach((point, index) => (index ? way.lineTo(point.x, point.y) : way.moveTo(point.x, point.y)));
    }
    pen.lineWidth = 3.5;
    for (const [way, colour] of [[common, edge], [failing, err], [chosen, accent]]) {
      pen.strokeStyle = colour;
      pen.stroke(way);
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {import('./viewport.js').Box} seen */
  cards(pen, seen) {
    const { canvas, scene, colours } = this;
    /** One path for all cards that look alike: there are as many fills as kinds. @type {Map<string, Path2D>} */
    const [fills, rims] = [new Map(), new Map()];
    const add = (map, key, box) => {
      if (!map.has(key)) map.set(key, new Path2D());
      map.get(key).roundRect(box.x, box.y, box.w, box.h, 16);
    };
    for (const [id, { li }] of scene.cards) {
      const box = scene.boxes.get(id);
      if (!box || !view.overlaps(box, seen)) continue;
      const { category } = canvas.graph.presentation(id);
      add(fills, KINDS.includes(category) ? category : 'exit', box);
      const rim = canvas.selection.has(id) ? 'accent' : li.classList.contains('here') ? 'text' : canvas.overlay?.isWrong(id) ? 'err' : '';
      if (rim) add(rims, rim, box);
    }
    for (const [kind, path] of fills) {
      pen.fillStyle = colours.tints[kind];
      pen.fill(path);
      pen.globalAlpha = 0.45;
      pen.lineWidth = 4;
      pen.strokeStyle = colours[kind];
      pen.stroke(path);
      pen.globalAlpha = 1;
    }
    for (const [rim, path] of rims) {
      pen.lineWidth = 9;
      pen.strokeStyle = colours[rim];
      pen.stroke(path);
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {import('./viewport.js').Box} seen */
  names(pen, seen) {
    const { canvas, scene, colours } = this;
    pen.font = `600 26px ${getComputedStyle(canvas).fontFamily}`;
    pen.textBaseline = 'middle';
    pen.lineWidth = 2;
    for (const id of scene.cards.keys()) {
      const box = scene.boxes.get(id);
      if (!box || !view.overlaps(box, seen)) continue;
      const { category } = canvas.graph.presentation(id);
      const icon = this.icon(canvas.graph.node(id)?.type ?? '', id);
      pen.strokeStyle = colours[category] ?? colours.exit;
      const { x, y } = { x: box.x + 14, y: box.y + box.h / 2 - 17 };
      pen.translate(x, y);
      pen.scale(1.4, 1.4);
      pen.stroke(icon);
      pen.scale(1 / 1.4, 1 / 1.4);
      pen.translate(-x, -y);
      const name = canvas.titleOf(id);
      pen.fillStyle = colours.text;
      pen.fillText(name.length > LETTERS ? `${name.slice(0, LETTERS - 1).trimEnd()}…` : name, box.x + 58, box.y + box.h / 2, WIDTH - 66);
    }
  }

  /** What the card's own icon draws, 24 by 24. @param {string} type @param {string} id @returns {Path2D} */
  icon(type, id) {
    const known = this.icons.get(type);
    if (known) return known;
    const path = new Path2D();
    const href = this.scene.cards.get(id)?.li.querySelector('.tile use')?.getAttribute('href') ?? '';
    for (const shape of href.startsWith('#') ? document.getElementById(href.slice(1))?.children ?? [] : []) {
      const at = (name) => Number(shape.getAttribute(name));
      if (shape.localName === 'path') path.addPath(new Path2D(shape.getAttribute('d') ?? ''));
      else if (shape.localName === 'rect') path.roundRect(at('x'), at('y'), at('width'), at('height'), at('rx'));
      else if (shape.localName === 'circle') {
        path.moveTo(at('cx') + at('r'), at('cy'));
        path.arc(at('cx'), at('cy'), at('r'), 0, 7);
      } else if (shape.localName === 'line') {
        path.moveTo(at('x1'), at('y1'));
        path.lineTo(at('x2'), at('y2'));
      }
    }
    this.icons.set(type, path);
    return path;
  }

  /** The theme's colours as the browser resolved them. */
  readColours() {
    const probe = this.canvas.appendChild(document.createElement('i'));
    const read = (look, colour) => {
      probe.className = look;
      probe.style.color = colour;
      return getComputedStyle(probe).color;
    };
    const colours = { tints: {}, edge: read('', 'var(--edge)'), err: read('', 'var(--err)'), accent: read('', 'var(--accent)'), text: read('', 'var(--text)') };
    for (const kind of KINDS) {
      colours[kind] = read(`k-${kind}`, 'var(--c)');
      colours.tints[kind] = read(`k-${kind}`, 'var(--t)');
    }
    probe.remove();
    return colours;
  }
}
