// @ts-check
/**
 * Far away, where there are more cards than screen readers are given at once, one picture stands for all of them and their lines: painting
 * hundreds of elements in each frame of a zoom takes 20 ms, and the picture itself 5 to 10 ms of whichever thread draws it. That is a worker
 * (far-map-worker.js); here it is only moved, while the next one is drawn. The cards stay in the page, locked, but for the one that the
 * keyboard is at, and near enough to be pressed that under the pointer. The picture is larger than the canvas: while it covers what is in
 * sight it stays. Drawn while something moves it has boxes and lines; at rest, icons and names.
 */
import { WIDTH } from './commands.js';
import * as view from './viewport.js';

/** Until names are written, in ms without a change. */
const REST_MS = 120;
/** How much of its width and height the picture has beyond each rim of the canvas, as in canvas-cards.css. */
const BEYOND = 0.2;
/** So much of that must be left, as the next picture comes some frames later. */
const LEAST = 0.08;
/** A picture that is shown larger than this is drawn again: it is blurred. */
const BLURRED = 1.3;
/** How sharp it is while something moves: the page takes over each picture, 10 ms for two megapixels where no graphics card helps. */
const MOVING = 0.66;
/** Letters that fit beside the icon at twice the size of a card's own. */
const LETTERS = 12;
const KINDS = ['trigger', 'message', 'timing', 'logic', 'data', 'integration', 'exit'];
const RIMS = ['', 'accent', 'text', 'err'];

export class FarMap {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {import('./scene.js').Scene} scene */
  constructor(canvas, scene) {
    this.canvas = canvas;
    this.scene = scene;
    /** Is it shown? From its first picture on. */
    this.on = false;
    this.wanted = false;
    this.picture = Object.assign(document.createElement('canvas'), { className: 'far-map', hidden: true });
    this.picture.setAttribute('aria-hidden', 'true');
    scene.plane.after(this.picture); // over the notes, as the cards are
    this.painter = new Worker(new URL('./far-map-worker.js', import.meta.url), { type: 'module' });
    this.painter.onmessage = ({ data }) => this.show(data.bitmap);
    this.painter.onerror = () => this.giveUp(); // its script did not come, or it cannot draw
    /** Will no picture come any more? Then the cards are shown from afar, too. */
    this.broken = false;
    this.painter.postMessage({ fonts: fonts() });
    this.colours = this.readColours();
    /** Of which view the picture is, and how large the canvas was. @type {Frame | null} */
    this.drawn = null;
    /** What is being drawn: one at a time. @type {Frame | null} */
    this.ordered = null;
    /** What is drawn after it: '' nothing, else of the view that there is then. @type {'' | 'boxes' | 'names'} */
    this.next = '';
    /** Has something changed of what it shows? */
    this.stale = { boxes: true, names: true };
    /** The card under the pointer, or the one selected: a real one, with its ports. */
    this.near = '';
    const recolour = () => {
      this.colours = this.readColours();
      this.refresh();
    };
    document.addEventListener('theme:change', recolour);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
    canvas.addEventListener('pointermove', (event) => event.buttons || this.hover(event));
    canvas.addEventListener('wf:select', () => this.bringNear([...canvas.selection][0] ?? ''));
  }

  /** @param {boolean} wanted @returns {boolean} is it shown now? Until its first picture has come, the cards are. */
  turn(wanted) {
    wanted &&= !this.broken;
    this.wanted = wanted;
    if (wanted && !this.drawn && !this.ordered) this.ask('boxes');
    const on = wanted && !!this.drawn;
    if (this.on === on) return on;
    this.on = on;
    this.picture.hidden = !on;
    if (on) return on;
    clearTimeout(this.timer);
    this.drawn = null;
    this.next = '';
    this.bringNear('');
    return on;
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
    this.stale = { boxes: true, names: true };
    if (this.wanted) this.scene.schedule();
  }

  /** All that is in sight, and soon its names. @param {boolean} panned has nothing changed but where one looks? */
  draw(panned) {
    if (this.near && this.canvas.view.k < view.FAR) this.bringNear('');
    if (!panned) this.stale = { boxes: true, names: true };
    if (!this.place() || this.stale.boxes) this.ask('boxes');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.on && this.ask('names'), REST_MS);
  }

  /** Put the picture where it belongs; false where it will not cover what is in sight for long, or is blurred. */
  place() {
    if (!this.drawn) return false;
    const { w, h } = this.scene.size;
    const { x, y, k } = this.canvas.view;
    const of = this.drawn;
    const by = k / of.view.k;
    const [left, top] = [x - by * (of.view.x + w * BEYOND), y - by * (of.view.y + h * BEYOND)];
    const wide = by * (1 + 2 * BEYOND);
    this.picture.style.transform = `translate(${left + w * BEYOND}px,${top + h * BEYOND}px) scale(${by})`;
    const spare = Math.min(-left / w, -top / h, left / w + wide - 1, top / h + wide - 1);
    return spare >= LEAST && by <= BLURRED && of.w === w && of.h === h;
  }

  /** Have it drawn as it is now, or as it is when that which is being drawn has come. @param {'boxes' | 'names'} what */
  ask(what) {
    if (this.ordered) {
      if (this.next !== 'names') this.next = what;
      return;
    }
    const { stale, colours } = this;
    const { w, h } = this.scene.size;
    const names = what === 'names';
    this.ordered = { view: { ...this.canvas.view }, w, h, names };
    this.painter.postMessage({
      ...this.ordered, colours, beyond: BEYOND, ratio: (names ? 1 : MOVING) * (devicePixelRatio || 1),
      boxes: stale.boxes && this.boxes(), labels: names && stale.names && this.labels(),
    });
    this.stale = { boxes: false, names: stale.names && !names };
  }

  /** A picture has come: it is put where it belongs in the same frame. @param {ImageBitmap} bitmap */
  show(bitmap) {
    const { ordered, next } = this;
    [this.ordered, this.next] = [null, ''];
    if (!this.wanted) return bitmap.close();
    this.drawn = ordered;
    (this.pen ??= /** @type {any} */ (this.picture.getContext('bitmaprenderer'))).transferFromImageBitmap(bitmap);
    if (!this.on) {
      this.scene.turnMap();
      this.scene.schedule();
    }
    if (!this.place() || next) this.ask(next || 'boxes');
  }

  giveUp() {
    this.broken = true;
    this.scene.turnMap();
    this.scene.viewChanged();
  }

  /** What the worker draws of cards and lines, as numbers. */
  boxes() {
    const { canvas, scene } = this;
    const { selection, graph } = canvas;
    const cards = [...scene.cards].flatMap(([id, { li }]) => {
      const box = scene.boxes.get(id);
      const rim = selection.has(id) ? 'accent' : li.classList.contains('here') ? 'text' : canvas.overlay?.isWrong(id) ? 'err' : '';
      return box ? [box.x, box.y, box.w, box.h, Math.max(0, KINDS.indexOf(this.kindOf(id))), RIMS.indexOf(rim)] : [];
    });
    const ways = [...scene.routes].map(([id, { points }]) => ({
      colour: selection.has(id) ? 'accent' : graph.edges.get(id)?.sourceHandle === 'error' ? 'err' : 'edge',
      points: points.flatMap(({ x, y }) => [x, y]),
    }));
    return { cards: Float32Array.from(cards), ways, kinds: KINDS, rims: RIMS };
  }

  /** @param {string} id */
  kindOf(id) {
    const { category } = this.canvas.graph.presentation(id);
    return KINDS.includes(category) ? category : 'exit';
  }

  /** Names and icons, in the order of the cards, as wide as a card has room for. */
  labels() {
    const { canvas, scene } = this;
    /** @type {Record<string, string>} */
    const icons = {};
    const names = [...scene.cards].filter(([id]) => scene.boxes.has(id)).map(([id, { li }]) => {
      const name = canvas.titleOf(id);
      const icon = li.querySelector('.tile use')?.getAttribute('href') ?? '';
      icons[icon] ??= drawing(icon);
      return { icon, text: name.length > LETTERS ? `${name.slice(0, LETTERS - 1).trimEnd()}…` : name };
    });
    return { names, icons, room: WIDTH - 66, font: getComputedStyle(canvas).fontFamily };
  }

  /** The theme's colours as the browser resolved them, all at one look: after each change of a class it would compute the page's styles anew. */
  readColours() {
    const probe = document.createElement('div');
    const wanted = [['edge'], ['err'], ['accent'], ['text'], ...KINDS.flatMap((kind) => [['c', kind], ['t', kind]])];
    probe.innerHTML = wanted.map(([name, kind]) => `<i class="${kind ? `k-${kind}` : ''}" style="color:var(--${name})"></i>`).join('');
    this.canvas.append(probe);
    const [edge, err, accent, text, ...both] = [...probe.children].map((one) => getComputedStyle(one).color);
    probe.remove();
    const colours = { tints: {}, edge, err, accent, text };
    KINDS.forEach((kind, index) => [colours[kind], colours.tints[kind]] = both.slice(2 * index));
    return colours;
  }
}

/** @typedef {{view: import('./viewport.js').View, w: number, h: number, names: boolean}} Frame */

/** The page's own fonts, which a worker does not know. */
function fonts() {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).filter((rule) => rule instanceof CSSFontFaceRule);
  return rules.map(({ style }) => {
    const read = (name) => style.getPropertyValue(name);
    return { family: read('font-family').replaceAll('"', ''), source: read('src'), weight: read('font-weight'), unicodeRange: read('unicode-range') };
  });
}

/** What a symbol of the page draws, 24 by 24, as one path. @param {string} href */
function drawing(href) {
  const shapes = href.startsWith('#') ? [...(document.getElementById(href.slice(1))?.children ?? [])] : [];
  return shapes.map((shape) => {
    const [x, y, w, h, r] = ['x', 'y', 'width', 'height', 'rx'].map((name) => Number(shape.getAttribute(name)));
    const at = (name) => shape.getAttribute(name);
    if (shape.localName === 'rect') {
      const corner = (dx, dy) => `a${r} ${r} 0 0 1 ${dx} ${dy}`;
      return `M${x + r} ${y}h${w - 2 * r}${corner(r, r)}v${h - 2 * r}${corner(-r, r)}h${2 * r - w}${corner(-r, -r)}v${2 * r - h}${corner(r, -r)}z`;
    }
    if (shape.localName === 'circle') {
      const half = (sign) => `a${at('r')} ${at('r')} 0 0 1 ${sign * 2 * Number(at('r'))} 0`;
      return `M${Number(at('cx')) - Number(at('r'))} ${at('cy')}${half(1)}${half(-1)}`;
    }
    return shape.localName === 'line' ? `M${at('x1')} ${at('y1')}L${at('x2')} ${at('y2')}` : (at('d') ?? '');
  }).join('');
}

// Loaded ahead, it is there before somebody zooms out.
const { scene } = /** @type {any} */ (globalThis.document?.querySelector('flow-canvas') ?? {});
if (scene?.culling.needed) scene.farMap ??= new FarMap(scene.canvas, scene);
