// @ts-check
/** What lies over the cards in Results, counts and ribbons, and in Person, one run's lit path. Loaded when one of the two is first opened. */
import { listen, paced } from '../live.js';
import { ribbon } from './edges.js';
import { Graph } from './graph.js';
import { make } from './elements.js';
import { WALKS, placeOf, runTest } from './test-mode.js';
import { offerAgain, unlessLost } from './lost-request.js';
import { gettext, language } from '../texts.js';

/** @typedef {{nodeId: string, port: string | null, status: string, note: string, time: string}} Step */

/** Room for the bar above the canvas. */
const BAR = 76;

const number = new Intl.NumberFormat(language());
const share = new Intl.NumberFormat(language(), { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const percent = (part, whole) => (whole ? share.format(part / whole) : '–');

/** What became of the messages of a step, the worst first after those that were sent: a card has room for four. */
function fates({ messages, failed, waiting }, passed) {
  const seen = [[gettext('Failed'), failed], [gettext('Uncertain'), messages.uncertain], [gettext('Suppressed'), messages.suppressed],
    [gettext('Queued'), messages.queued], [gettext('Active'), waiting]];
  const cells = [[gettext('Sent'), messages.sent], ...seen.filter(([, count]) => count)].map(([word, count]) => [word, number.format(count)]);
  return (cells.length < 4 ? [passed, ...cells] : cells).slice(0, 4);
}

/** Of a split: its contacts, and what part of each variant's reached a goal since. A card has room for four. */
function conversions(variants, ports) {
  const counts = ports.filter((port) => variants[port.id]).map((port) => [port.label, variants[port.id]]);
  const all = Object.values(variants);
  const contacts = all.reduce((sum, one) => sum + one.contacts, 0);
  const reached = all.some((one) => one.converted);
  const cells = counts.map(([label, one]) => (reached
    ? [gettext('%(label)s to goal', { label }), percent(one.converted, one.contacts)] : [label, percent(one.contacts, contacts)]));
  return [[gettext('Contacts'), number.format(contacts)], ...cells].slice(0, 4);
}

export class Results {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {import('./overlay.js').Overlay} overlay knows which version and run are shown */
  constructor(canvas, overlay) {
    this.canvas = canvas;
    this.overlay = overlay;
    /** @type {Step[]} */
    this.steps = [];
    this.at = 0;
    /** What was asked for by name, and what comes where that is gone. @type {{path: string, instead: string, target: string} | null} */
    this.awaited = null;
    canvas.addEventListener('wf:select', (event) => {
      const place = WALKS.includes(canvas.mode) ? placeOf(this.steps, /** @type {any} */ (event).detail.ids) : -1;
      if (place >= 0 && place !== this.at) this.goTo(place);
    });
    document.addEventListener('htmx:after:swap', () => this.arrived());
    document.addEventListener('htmx:finally:request', (event) => this.answered(/** @type {any} */ (event).detail.ctx));
    document.addEventListener('click', (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const step = target.closest('[data-step]');
      if (step) this.goTo(Number(/** @type {any} */ (step).dataset.step));
      const by = /** @type {any} */ (target.closest('[data-walk]'))?.dataset.walk;
      if (by) this.goTo(this.at + Number(by));
    });
  }

  // ---------------------------------------------------------------- modes

  async enter(mode) {
    this.clear();
    this.unfollow?.();
    this.awaited = null;
    const { canvas } = this;
    if (canvas.panel.about !== mode && WALKS.includes(canvas.panel.about)) canvas.panel.close(false);
    if (mode === 'edit') return this.restore();
    if (!(await canvas.sync.settled())) {
      canvas.setMode('edit');
      return canvas.announce(gettext('First your changes have to be saved.'), 'err');
    }
    if (canvas.mode !== mode) return undefined;
    if (mode === 'results') {
      const bar = document.getElementById('results-bar');
      const select = /** @type {any} */ (bar?.querySelector('[name=version]'));
      const other = select?.value !== (this.overlay.shownVersion || select?.dataset.live);
      if (bar && (other || !bar.childElementCount)) bar.textContent = gettext('Loading results…');
      this.follow();
      return this.getOr(this.overlay.shownVersion && `results?version=${this.overlay.shownVersion}`, 'results', '#results-bar');
    }
    canvas.panel.about = mode;
    canvas.panel.show();
    canvas.panel.pending();
    if (mode === 'test') {
      const { until } = this.overlay;
      this.overlay.until = '';
      return runTest(canvas, until);
    }
    return this.getOr(this.overlay.shownRun && `people?run=${this.overlay.shownRun}`, 'people', '#panel');
  }

  /** What an address names may be gone: the shell says so, and what there is comes instead. */
  getOr(wanted, instead, target) {
    this.quiet = false;
    this.awaited = { path: this.url(wanted || instead), instead: wanted && instead, target };
    return this.get(wanted || instead, target);
  }

  /** @param {any} ctx a request that ended, by an answer or without */
  answered({ request, response }) {
    const { awaited } = this;
    if (request.action !== awaited?.path) return;
    this.awaited = null;
    if (awaited.instead && response?.status >= 400) this.get(awaited.instead, awaited.target);
  }

  /** The numbers move by themselves while they are shown: of the version that is chosen, and nothing else is touched. */
  follow() {
    const bar = () => document.getElementById('results-bar');
    const look = () => {
      // Until the first numbers are there the address says which version is wanted.
      const version = /** @type {any} */ (bar()?.querySelector('[name=version]'))?.value ?? this.overlay.shownVersion;
      this.quiet = true;
      this.get(`results${version && `?version=${version}`}`, '#results-bar');
    };
    const soon = paced(look, () => Boolean(this.awaited || bar()?.contains(document.activeElement)), 2_000);
    const end = listen(`workflow=${this.canvas.workflow}`, soon);
    this.unfollow = () => {
      soon.stop();
      end();
      this.unfollow = undefined;
      this.quiet = false;
    };
  }

  url(path) {
    return `/workflows/${this.canvas.workflow}/${path}`;
  }

  get(path, target) {
    const request = /** @type {any} */ (window).htmx.ajax('GET', this.url(path), { source: target, target, swap: 'innerHTML' });
    const [place, quiet, again] = [document.querySelector(target), this.quiet, () => this.get(path, target)];
    if (!place || quiet) return request; // what is shown stays, and is asked for again by itself
    return unlessLost(place, request, () => (target === '#panel' ? this.canvas.panel.offer(again) : offerAgain(place, again)));
  }

  /** Data that came with a part of the page. */
  arrived() {
    if (this.overlay.shownRun && document.querySelector('#person:empty')) this.where({}); // the run that was asked for is not there
    this.markPerson();
    const tag = document.querySelector('script[data-overlay]');
    if (!tag) return;
    const data = JSON.parse(tag.textContent ?? '{}');
    const kind = /** @type {any} */ (tag).dataset.overlay;
    tag.remove();
    if (kind !== this.canvas.mode) return;
    this.where(data);
    const quiet = this.quiet;
    this.quiet = false;
    if (quiet) return this.paint(data);
    this.showVersion(data);
    this.canvas.panel.reload('workflow');
    if (kind === 'results') this.paint(data);
    else this.walk(data);
  }

  /** What is shown, for the address. */
  where({ run = '' }) {
    const select = /** @type {any} */ (document.querySelector('#results-bar [name=version]'));
    this.overlay.shownRun = run;
    this.overlay.shownVersion = select && select.value !== select.dataset.live ? select.value : '';
    this.markPerson();
    this.canvas.emit('wf:overlay');
  }

  /** Whose way is shown, in the list beside it, which may have come anew. */
  markPerson() {
    for (const who of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('#people-list [data-run]'))) {
      if (who.dataset.run === this.overlay.shownRun) who.setAttribute('aria-current', 'true');
      else who.removeAttribute('aria-current');
    }
  }

  /** Results and runs belong to a version: its graph is shown when the draft has moved on. */
  showVersion({ graph, cards }) {
    const { canvas } = this;
    if (!graph) return this.restore();
    this.draft ??= canvas.graph;
    const { name, description, priority } = this.draft;
    canvas.graph = new Graph({ ...graph, name, description, priority }, this.draft.types);
    canvas.redraw([]);
    for (const [id, html] of Object.entries(cards ?? {})) this.showCard(id, html);
    canvas.scene.render();
    return undefined;
  }

  /** The draft's cards again. */
  restore() {
    const { canvas } = this;
    if (!this.draft) return;
    canvas.graph = this.draft;
    this.draft = undefined;
    canvas.redraw([]);
    canvas.panel.reload('workflow');
    canvas.sync.refresh();
  }

  /** A card's content as the server rendered it for that version. */
  showCard(id, html) {
    const old = document.getElementById(`c-${id}`);
    if (!old) return;
    const card = new DOMParser().parseFromString(html, 'text/html').body.firstElementChild;
    if (card) old.replaceWith(card);
  }

  clear() {
    const { scene } = this.canvas;
    for (const { li, card } of scene.cards.values()) {
      li.classList.remove('lit-step', 'now', 'past', 'bad-step');
      card.querySelector('.st')?.remove();
    }
    for (const { g, ribbon: band, label } of scene.edges.values()) {
      g.classList.remove('taken');
      band.style.strokeWidth = '0';
      const num = label?.querySelector('.num');
      if (num) num.textContent = '';
    }
    this.steps = [];
    const bar = document.getElementById('person-bar');
    if (bar) bar.hidden = true;
  }

  // ---------------------------------------------------------------- results

  /** @param {{entered: number, starts: Record<string, number>, nodes: Record<string, any>}} data */
  paint({ entered, ...counts }) {
    const whole = this.inSight();
    this.clear();
    // Without a prototype: a step may be called `constructor`.
    const [starts, nodes] = [counts.starts, counts.nodes].map((part) => Object.assign(Object.create(null), part));
    const { scene, graph } = this.canvas;
    const strip = (id, cells, pulse = false) => {
      const line = make('span', `st${pulse ? ' one' : ''}`);
      for (const [word, value] of cells) {
        const cell = make('span', 'cell');
        const bold = make('b', 'num');
        bold.textContent = value;
        if (pulse) cell.append(make('i', 'pulse'), bold, ` ${word}`);
        else cell.append(word, bold);
        line.append(cell);
      }
      scene.cards.get(id)?.card.append(line);
    };
    for (const id of graph.triggers.keys()) strip(id, [[gettext('Entered'), number.format(starts[id] ?? 0)]]);
    for (const id of graph.nodes.keys()) {
      const stats = nodes[id] ?? { executed: 0, failed: 0, waiting: 0, ports: {} };
      const { messages } = stats;
      const cells = [[gettext('Completed'), number.format(stats.executed)]];
      if (messages) {
        strip(id, fates(stats, cells[0]));
        continue;
      }
      if (stats.variants) {
        strip(id, conversions(stats.variants, graph.ports(id)));
        continue;
      }
      const ports = graph.ports(id).filter((port) => port.label && stats.ports[port.id] !== undefined);
      for (const port of ports.slice(0, 3)) cells.push([port.label, percent(stats.ports[port.id], stats.executed)]);
      if (stats.waiting) cells.push([gettext('Active'), number.format(stats.waiting)]);
      if (stats.failed) cells.push([gettext('Failed'), number.format(stats.failed)]);
      strip(id, cells.slice(0, 4));
    }
    for (const edge of graph.edges.values()) {
      const parts = scene.edges.get(edge.id);
      const stats = nodes[edge.source];
      const count = graph.isTrigger(edge.source) ? starts[edge.source] ?? 0 : stats?.ports[edge.sourceHandle] ?? 0;
      if (!parts) continue;
      parts.ribbon.style.strokeWidth = String(ribbon(count, entered));
      const num = parts.label?.querySelector('.num');
      const several = graph.ports(edge.source).length > 1;
      if (num) num.textContent = several ? `${number.format(count)} · ${percent(count, stats?.executed ?? 0)}` : number.format(count);
    }
    this.measure(graph.ids());
    if (whole && !this.inSight()) this.canvas.fit();
    this.canvas.announce(gettext('Results: %(number)s entered.', { number: number.format(entered) }));
  }

  /** Is all of the workflow in sight, with nothing over its last cards? */
  inSight() {
    const { scene, view } = this.canvas;
    const [box, size] = [scene.bounds(), scene.size];
    const [left, top] = [box.x * view.k + view.x, box.y * view.k + view.y];
    return left >= 0 && top >= 0 && left + box.w * view.k <= size.w && top + box.h * view.k <= size.h;
  }

  // ---------------------------------------------------------------- one person

  /** @param {{name: string, steps: Step[]}} data */
  walk({ name, steps }) {
    this.clear();
    this.steps = steps;
    const bar = /** @type {HTMLElement} */ (document.getElementById('person-bar'));
    bar.hidden = !steps.length;
    /** @type {any} */ (bar.querySelector('[data-name]')).textContent = name;
    bar.querySelector('.dots')?.replaceChildren(...steps.map((_, index) => make('i', '', { 'data-step': String(index) })));
    const { view, scene } = this.canvas;
    const top = scene.bounds().y * view.k + view.y;
    if (top < BAR && top > 0) this.canvas.setView({ ...view, y: view.y + BAR - top });
    const wanted = placeOf(steps, [this.overlay.shownStep]);
    this.overlay.shownStep = '';
    if (steps.length) this.goTo(wanted < 0 ? steps.length - 1 : wanted);
  }

  /** Cards have another size by what is written on them: the camera goes by that, and not by the one before. @param {Iterable<string>} ids */
  measure(ids) {
    const { scene } = this.canvas;
    const sizes = [...ids].map((id) => [id, scene.cards.get(id)?.li.offsetHeight]);
    for (const [id, h] of sizes) {
      const box = scene.boxes.get(/** @type {string} */ (id));
      if (!box || !h || box.h === h) continue;
      box.h = /** @type {number} */ (h);
      scene.touch(id);
    }
  }

  /** Show the run as it stood at step `index`. */
  goTo(index) {
    if (!this.steps.length) return;
    const { scene, graph } = this.canvas;
    this.at = Math.max(0, Math.min(index, this.steps.length - 1));
    const seen = this.steps.slice(0, this.at + 1);
    for (const { li, card } of scene.cards.values()) {
      li.classList.remove('lit-step', 'now', 'bad-step');
      card.querySelector('.st')?.remove();
    }
    for (const { g } of scene.edges.values()) g.classList.remove('taken');
    seen.forEach((step, order) => {
      const entry = scene.cards.get(step.nodeId);
      if (!entry) return;
      entry.li.classList.add('lit-step');
      entry.li.classList.toggle('bad-step', step.status === 'failed');
      entry.card.querySelector('.st')?.remove();
      const line = make('span', 'st one');
      const words = make('span', 'cell');
      const text = make('span');
      text.textContent = step.note || step.time;
      words.append(this.canvas.icon({ failed: 'circle-x', waiting: 'clock' }[step.status] ?? 'circle-check'), text);
      line.append(words);
      entry.card.append(line);
      const next = seen[order + 1];
      const edge = next && graph.outgoing(step.nodeId).find((way) => way.target === next.nodeId && (!step.port || way.sourceHandle === step.port));
      if (edge) scene.edges.get(edge.id)?.g.classList.add('taken');
    });
    const now = this.steps[this.at];
    scene.cards.get(now.nodeId)?.li.classList.add('now');
    this.measure([now.nodeId]);
    this.canvas.show(now.nodeId);
    const bar = /** @type {HTMLElement} */ (document.getElementById('person-bar'));
    /** @type {any} */ (bar.querySelector('[data-where]')).textContent = gettext('Step %(number)s of %(count)s · %(note)s',
      { number: this.at + 1, count: this.steps.length, note: now.note || now.status });
    bar.querySelectorAll('.dots i').forEach((dot, order) => dot.classList.toggle('off', order > this.at));
    /** @type {any} */ (bar.querySelector('[data-walk="-1"]')).disabled = this.at === 0;
    /** @type {any} */ (bar.querySelector('[data-walk="1"]')).disabled = this.at === this.steps.length - 1;
    for (const line of document.querySelectorAll('#panel [data-step]')) {
      if (Number(/** @type {any} */ (line).dataset.step) === this.at) line.setAttribute('aria-current', 'step');
      else line.removeAttribute('aria-current');
    }
    document.querySelector('#panel [aria-current=step]')?.scrollIntoView({ block: 'nearest' });
    this.canvas.announce(gettext('Step %(number)s: %(step)s. %(note)s. %(time)s',
      { number: this.at + 1, step: this.canvas.titleOf(now.nodeId), note: now.note, time: now.time }));
  }
}
