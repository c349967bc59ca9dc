// @ts-check
/**
 * What is on the screen: cards, ports, edges, labels, notes. It reads the graph and the boxes, never decides.
 * All writes happen in one animation frame; sizes come from a ResizeObserver and are never measured in a drag.
 */
import { make } from './elements.js';
import { WIDTH } from './commands.js';
import { entryPoint, fan, portPoint, route } from './edges.js';
import { CanvasControls } from './canvas-controls.js';
import { Culling } from './culling.js';
import { Ground } from './ground.js';
import { Guides } from './guides.js';
import { later } from './later.js';
import * as view from './viewport.js';
import { showTriggerSwitch } from './trigger-switch.js';
import { Jumps } from './jumps.js';
import { drawNotes } from './note-layer.js';
import { drawOutline } from './outline.js';
import { gettext } from '../texts.js';

/** @typedef {import('./viewport.js').Box} Box @typedef {import('./edges.js').Route} Route */

const HEIGHT = 66;
const mapPart = later(() => import('./far-map.js'));

export class Scene {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    const find = (selector) => /** @type {any} */ (canvas.querySelector(selector));
    this.plane = find('.vp');
    this.lines = find('.lines');
    this.ribbons = find('.ribbons');
    this.marks = find('.marks');
    this.list = find('.flow-list');
    this.noteLayer = find('.notes');
    this.guides = new Guides(find('.guides'));
    this.ground = new Ground(this.plane);
    /** `at`: where it was put last. @type {Map<string, {li: HTMLElement, card: HTMLElement, shape: string, at: string}>} */
    this.cards = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.notes = new Map();
    /** @type {Map<string, Box>} */
    this.boxes = new Map();
    /** @type {Map<string, Route>} */
    this.routes = new Map();
    /** `drawn`: the path that it has, `aimed`: that by which a pointer finds it, `word`: its word and tone, `out`: is it hidden, being out of sight?
     * @type {Map<string, {g: any, line: any, hit: any, label: HTMLElement, ribbon: any, drawn: string, aimed: string, word: string, out: boolean}>} */
    this.edges = new Map();
    this.size = { w: canvas.clientWidth, h: canvas.clientHeight };
    this.dirty = { view: true, boxes: new Set(), edges: new Set(), notes: new Set() };
    this.controls = new CanvasControls(canvas, this);
    this.jumps = new Jumps(canvas, this);
    this.culling = new Culling(canvas, this);
    this.frame = 0;
    this.far = false;
    /** @type {import('./far-map.js').FarMap | null} */
    this.farMap = null;
    /** Ids in the order in which the cards stand in the page. */
    this.order = '';
    this.forced = matchMedia('(forced-colors: active)');
    this.forced.addEventListener('change', () => this.viewChanged());
    /** How cards are shown: what it depends on, in one text. */
    this.look = '';
    this.sizes = new ResizeObserver((entries) => this.measured(entries));
    this.sizes.observe(canvas);
    for (const li of this.list.children) this.adopt(li);
    this.culling.begin(...this.cards.keys());
  }

  /** Take over a card that the server rendered. */
  adopt(li) {
    this.cards.set(li.dataset.id, { li, card: li.querySelector('.card'), shape: '', at: '' });
    this.sizes.observe(li);
  }

  measured(entries) {
    for (const { target, borderBoxSize } of entries) {
      if (target === this.canvas) {
        this.size = { w: this.canvas.clientWidth, h: this.canvas.clientHeight };
        this.dirty.view = true;
        continue;
      }
      const id = target.dataset.id;
      const box = this.boxes.get(id);
      const h = borderBoxSize[0].blockSize;
      if (!box || !h || box.h === h) continue;
      box.h = h;
      this.touch(id);
    }
    this.schedule();
  }

  viewChanged() {
    this.dirty.view = true;
    this.schedule();
  }

  schedule() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.flush();
    });
  }

  /** A card moved or changed its size: it and its edges are drawn again. */
  touch(id) {
    const graph = this.canvas.graph;
    this.dirty[graph.notes.has(id) ? 'notes' : 'boxes'].add(id);
    for (const edge of [...graph.incoming(id), ...graph.outgoing(id)]) this.dirty.edges.add(edge.id);
    this.schedule();
  }

  /** Show a card at a place without telling the graph (while it is dragged). */
  place(id, { x, y }) {
    const box = this.boxes.get(id);
    if (!box || (box.x === x && box.y === y)) return; // it snaps: most moves of the pointer move nothing
    box.x = x;
    box.y = y;
    this.touch(id);
  }

  /** What is being dragged or resized stays where the pointer has it, whatever others save meanwhile. @returns {Set<string> | undefined} */
  get held() {
    return this.canvas.gestures?.gesture?.holds;
  }

  /** Bring everything in line with the graph; cards stay the same elements. */
  render() {
    const { graph } = this.canvas;
    const order = graph.order();
    this.order = order.join();
    const held = this.held;
    drawOutline(this.canvas, []);
    for (const [id, { li }] of this.cards) {
      if (graph.node(id)) continue;
      this.sizes.unobserve(li);
      li.remove();
      this.culling.forget(id);
      this.cards.delete(id);
      this.boxes.delete(id);
    }
    /** @type {Element | null} */
    let last = null;
    for (const id of order) {
      const { li } = this.cards.get(id) ?? this.create(id);
      const next = last ? last.nextElementSibling : this.list.firstElementChild;
      if (next !== li) this.list.insertBefore(li, next);
      last = li;
    }
    for (const id of order) { // all that is read comes before all that is written: each change between two readings would be a layout
      const { x, y } = /** @type {any} */ (graph.node(id)).position;
      const box = this.boxes.get(id);
      if (!box) this.boxes.set(id, { x, y, w: WIDTH, h: this.cards.get(id)?.li.offsetHeight || HEIGHT });
      else if (!held?.has(id)) Object.assign(box, { x, y });
      this.dirty.boxes.add(id);
    }
    for (const id of order) {
      this.ports(id);
      showTriggerSwitch(this.canvas, id, /** @type {any} */ (this.cards.get(id)).li);
    }
    for (const [id, parts] of this.edges) {
      if (graph.edges.has(id)) continue;
      for (const part of [parts.g, parts.label, parts.ribbon]) part?.remove();
      this.edges.delete(id);
      this.routes.delete(id);
    }
    for (const [id, edge] of graph.edges) {
      if (!this.edges.has(id)) this.drawEdge(id);
      this.culling.turnEdge(edge);
      this.nameEdge(id);
      this.dirty.edges.add(id);
    }
    drawNotes(this.canvas, this);
    this.dirty.view = true;
    this.culling.shown = null;
    drawOutline(this.canvas, order);
    this.canvas.describeOrder(order);
    this.schedule();
  }

  /** Where all that happened is that cards moved, only they are drawn; false where more has changed. @param {import('./graph.js').Op[]} ops */
  showMoves(ops) {
    const { graph } = this.canvas;
    if (!ops.length || ops.some((op) => op.kind !== 'move_node') || graph.order().join() !== this.order) return false;
    for (const { nodeId } of ops) {
      if (!this.held?.has(nodeId)) Object.assign(/** @type {Box} */ (this.boxes.get(nodeId)), graph.node(nodeId)?.position);
      this.touch(nodeId);
    }
    return true;
  }

  /** A card for a step that the server has not rendered yet, from the template of its type. */
  create(id) {
    const node = /** @type {any} */ (this.canvas.graph.node(id));
    const presentation = this.canvas.graph.presentation(id);
    const template = /** @type {any} */ (document.getElementById(`card-${node.type}`) ?? document.getElementById('card-unknown'));
    const li = make('li', `node k-${presentation.category}`, { id: `n-${id}`, 'data-id': id });
    const card = make('button', 'card', { type: 'button', tabindex: '-1' });
    const content = template.content.firstElementChild.cloneNode(true);
    content.id = `c-${id}`;
    if (node.name) content.querySelector('.ti').textContent = node.name;
    card.append(content);
    li.append(card);
    this.adopt(li);
    this.culling.begin(id);
    this.canvas.overlay?.badge(id);
    return /** @type {any} */ (this.cards.get(id));
  }

  /** Handles of a card and, behind each open port, the plus that adds a step there. */
  ports(id) {
    const entry = this.cards.get(id);
    const { graph, editable } = this.canvas;
    if (!entry || this.culling.out.has(id) || (this.far && this.culling.needed && this.farMap?.near !== id)) return; // they come when they can be seen
    const ports = graph.ports(id);
    const open = new Set(graph.openPorts(id).map((port) => port.id));
    const { outline } = this.canvas;
    const led = graph.incoming(id).length > 0;
    const shape = `${editable} ${outline} ${led} ${ports.map((port) => `${port.id}:${port.label}:${open.has(port.id)}`).join()}`;
    if (entry.shape === shape) return;
    entry.shape = shape;
    for (const old of entry.li.querySelectorAll('.h, .leaf')) old.remove();
    if (graph.takesEdges(id)) entry.li.append(make('span', led ? 'h in led' : 'h in', { 'aria-hidden': 'true' }));
    const title = this.canvas.titleOf(id);
    ports.forEach((port, index) => {
      const left = `${(portPoint({ x: 0, y: 0, w: 100, h: 0 }, index, ports.length).x).toFixed(2)}%`;
      const way = port.label ? gettext(', branch “%(label)s”', { label: port.label }) : '';
      const handle = make('button', `h out${port.id === 'error' ? ' error' : ''}`, {
        type: 'button',
        tabindex: '-1',
        'data-port': port.id,
        'aria-label': gettext('Connect %(title)s%(way)s', { title, way }),
        style: `left:${left}`,
      });
      entry.li.append(handle);
      if (!open.has(port.id) || !editable || outline) return;
      const leaf = make('span', 'leaf', { style: `left:${left}` });
      const plus = make('button', 'plus', { type: 'button', tabindex: '-1', 'data-port': port.id,
        'aria-label': gettext('Add a step after %(title)s%(way)s', { title, way }) });
      plus.append(this.canvas.icon('plus'));
      if (port.label) {
        const label = make('span', 'leaf-label');
        label.textContent = port.label;
        leaf.append(label);
      }
      leaf.append(plus);
      entry.li.append(leaf);
    });
  }

  drawEdge(id) {
    const g = make('g', `e${this.canvas.graph.edges.get(id)?.sourceHandle === 'error' ? ' error' : ''}`, { 'data-edge': id });
    const hit = make('path', 'hit');
    const line = make('path', 'line');
    const ribbon = make('path', 'ribbon');
    const label = make('span', 'elab', { 'data-edge': id });
    g.append(line, hit);
    label.append(make('span', 'word'), make('span', 'num'));
    for (const [layer, part] of [[this.lines, g], [this.ribbons, ribbon], [this.marks, label]]) layer.append(part);
    this.edges.set(id, { g, line, hit, label: /** @type {HTMLElement} */ (label), ribbon, drawn: '', aimed: '', word: '', out: false });
  }

  /** The word of the way out beside an edge; it changes when a config names its ways anew. */
  nameEdge(id) {
    const { source, sourceHandle } = /** @type {any} */ (this.canvas.graph.edges.get(id));
    const { label = '', tone } = this.canvas.graph.ports(source).find((port) => port.id === sourceHandle) ?? {};
    const parts = /** @type {any} */ (this.edges.get(id));
    const word = `${tone ?? ''} ${label}`;
    if (parts.word === word) return;
    parts.word = word;
    parts.label.classList.toggle('plain', !label);
    Object.assign(parts.label.firstElementChild, { className: tone ? `word p-${tone}` : 'word', textContent: label });
  }

  // ---------------------------------------------------------------- one frame

  flush() {
    const { dirty } = this;
    for (const id of dirty.boxes) {
      const box = this.boxes.get(id);
      const entry = this.cards.get(id);
      if (!box || !entry) continue;
      const at = `translate(${box.x}px,${box.y}px)`;
      if (entry.at !== at) entry.li.style.transform = entry.at = at;
    }
    for (const id of dirty.notes) {
      const box = this.boxes.get(id);
      const element = this.notes.get(id);
      if (box && element) element.style.cssText = `transform:translate(${box.x}px,${box.y}px);width:${box.w}px;min-height:${box.h}px`;
    }
    for (const id of dirty.edges) this.routeEdge(id);
    if (dirty.boxes.size) this.jumps.draw();
    if (dirty.view) this.showView();
    if (dirty.view || dirty.boxes.size) this.culling.update(dirty.boxes);
    if (dirty.view || dirty.boxes.size) this.controls.minimap(dirty.boxes.size > 0);
    this.dirty = { view: false, boxes: new Set(), edges: new Set(), notes: new Set() };
    this.controls.toolbar();
    if (this.farMap?.on) this.farMap.draw(dirty.view && !dirty.boxes.size);
  }

  /** Far away, one picture stands for very many cards while the draft is edited; else cards are simple, `words`: with their names. */
  turnMap() {
    const { classList } = this.plane;
    const wanted = this.far && this.culling.needed && this.shownIn === 'edit' && !this.forced.matches;
    if (wanted && !this.farMap) {
      mapPart().then(({ FarMap }) => {
        this.farMap ??= new FarMap(this.canvas, this);
        this.turnMap();
        this.schedule();
      }, () => {}); // without a connection the cards themselves are shown
    }
    const on = !!this.farMap?.turn(wanted);
    classList.toggle('far', this.far && !on && !this.farMap?.wanted); // until the picture has come, cards stay as they are
    classList.toggle('words', this.far && this.cards.size <= view.CULL_ABOVE);
    classList.toggle('drawn', on);
    if (on) this.culling.show(this.canvas.current);
  }

  routeEdge(id) {
    const { graph } = this.canvas;
    const edge = graph.edges.get(id);
    const parts = this.edges.get(id);
    const from = edge && this.boxes.get(edge.source);
    const to = edge && this.boxes.get(edge.target);
    if (!edge || !parts || !from || !to) return;
    const [begin, end, ports] = [this.portAt(edge.source, edge.sourceHandle), entryPoint(to), graph.ports(edge.source)];
    const alike = graph.outgoing(edge.source).filter((other) => other.target === edge.target).map((other) => other.sourceHandle);
    const place = ports.filter((port) => alike.includes(port.id)).findIndex((port) => port.id === edge.sourceHandle);
    const way = alike.length > 1 ? fan(begin, end, Math.max(0, place)) : route(begin, end, ports.length > 1);
    this.routes.set(id, way);
    if (this.canvas.selection.has(id)) this.canvas.gestures?.links.reconnection.follow();
    if (parts.out) return; // what is out of sight is drawn when it is shown
    if (parts.aimed !== way.d && !this.held?.size) { // while a card is dragged nobody points at a line
      parts.aimed = way.d;
      for (const path of [parts.hit, parts.ribbon]) path.setAttribute('d', way.d);
    }
    if (parts.drawn === way.d) return;
    parts.drawn = way.d;
    parts.line.setAttribute('d', way.d);
    parts.label.style.transform = `translate(${way.label.x}px,${way.label.y}px) translate(-50%,-50%)`;
  }

  /** Where a port is, in flow coordinates. */
  portAt(id, port) {
    const ports = this.canvas.graph.ports(id);
    const index = Math.max(0, ports.findIndex((known) => known.id === port));
    return portPoint(/** @type {Box} */ (this.boxes.get(id)), index, ports.length);
  }

  showView() {
    const { x, y, k } = this.canvas.view;
    this.plane.style.transform = `translate(${x}px,${y}px) scale(${k})`;
    this.ground.show(this.canvas.view, this.size);
    const { mode } = this.canvas;
    const far = k < (this.culling.needed ? view.FAR_WITH_MANY : view.FAR) && !this.canvas.outline;
    const look = [far, mode, this.culling.needed, this.forced.matches].join(' ');
    if (look === this.look) return;
    this.look = look;
    this.far = far;
    this.shownIn = mode;
    this.turnMap();
    for (const [id, { card }] of this.cards) {
      if (this.culling.out.has(id)) continue;
      if (!this.farMap?.wanted) this.leaveWords(card);
      this.ports(id);
    }
  }

  /** Far away the words of a card are not drawn; screen readers keep them. @param {HTMLElement} card */
  leaveWords(card) {
    if (this.far) card.setAttribute('aria-label', (card.textContent ?? '').replace(/\s+/g, ' ').trim());
    else if (card.hasAttribute('aria-label')) card.removeAttribute('aria-label');
  }

  /** The box of every card. */
  bounds() {
    return view.bounds([...this.boxes.values()]) ?? { x: 0, y: 0, w: WIDTH, h: HEIGHT };
  }
}
