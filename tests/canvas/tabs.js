/** Tabs of a browser that edit one draft on a server: what `Sync` needs of both, with answers and time given by hand. */
import { Graph, Refused } from '../../app/static/canvas/graph.js';
import { History } from '../../app/static/canvas/history.js';
import { subject } from '../../app/static/canvas/compaction.js';
import { Sync } from '../../app/static/canvas/sync.js';
import { TYPES, small } from './make.js';

/** localStorage or sessionStorage as far as it is used; `full` refuses to store. */
export class Storage {
  constructor() {
    this.rows = new Map();
    this.full = false;
  }

  get length() {
    return this.rows.size;
  }

  key(index) {
    return [...this.rows.keys()][index] ?? null;
  }

  getItem(key) {
    return this.rows.get(key) ?? null;
  }

  setItem(key, value) {
    if (this.full) throw new Error('QuotaExceededError');
    this.rows.set(key, value);
  }

  removeItem(key) {
    this.rows.delete(key);
  }
}

/** The draft as `PATCH …/draft` keeps it: ops of a known id once, an older revision rebased unless the same thing was touched. */
export class Server {
  constructor(graph = small()) {
    this.graph = graph;
    this.rev = 1;
    /** @type {{rev: number, client: string, ops: any[]}[]} */
    this.changes = [];
  }

  get document() {
    return { graph: this.graph.toJSON(), name: this.graph.name, description: this.graph.description, priority: this.graph.priority };
  }

  conflict() {
    return { status: 409, reply: { conflict: true, rev: this.rev, by: 'Bob', document: this.document, diagnostics: [] } };
  }

  patch(base, { client, ops }) {
    const known = new Set(this.changes.flatMap((change) => change.ops.map((op) => op.id)));
    const fresh = ops.filter((op) => !known.has(op.id));
    const rebased = base !== this.rev;
    if (fresh.length) {
      const parts = (op) => [subject(op), op.edge?.source, op.edge?.target].filter(Boolean);
      const touched = new Set(fresh.flatMap(parts));
      const repeated = (change) => change.ops.some((op) => ops.some((own) => own.id === op.id));
      const others = this.changes.filter((change) => change.rev > base && change.client !== client && !repeated(change));
      if (others.some((change) => change.ops.flatMap(parts).some((part) => touched.has(part)))) return this.conflict();
      for (const [index, op] of fresh.entries()) {
        try {
          this.graph.copy().applyAll(fresh.slice(0, index + 1));
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          if (rebased) return this.conflict();
          return { status: 422, reply: { message: error.message, errors: [{ path: `ops[${ops.indexOf(op)}].x`, message: error.message }] } };
        }
      }
      this.graph.applyAll(fresh);
      this.rev += 1;
      this.changes.push({ rev: this.rev, client, ops: fresh });
    }
    const reply = { rev: this.rev, diagnostics: [] };
    return { status: 200, reply: this.rev > base + 1 ? { ...reply, document: this.document, by: '' } : reply };
  }
}

/** What tabs share: localStorage, the locks of open tabs, time, and the network to one server. */
export class Browser {
  constructor(server = new Server()) {
    this.server = server;
    this.storage = new Storage();
    this.locks = new Map();
    this.now = 0;
    this.timers = [];
  }

  /** Let `ms` go by. */
  async pass(ms) {
    const end = this.now + ms;
    for (;;) {
      const [next] = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.now = next.at;
      this.timers.splice(this.timers.indexOf(next), 1);
      next.run();
      await turn();
    }
    this.now = end;
  }

  /** Another tab at this workflow, as the server renders it now. */
  async open(options = {}) {
    const tab = new Tab(this, options);
    await tab.sync.start();
    return tab;
  }
}

/** Promises that are ready have run. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

class Canvas extends EventTarget {
  constructor(tab, { mayEdit = true, workflow = 'w1' }) {
    super();
    Object.assign(this, { tab, mayEdit, workflow, mode: 'edit', sprite: '', dataset: { htmxPowered: '' }, history: new History() });
    this.graph = new Graph({ ...tab.browser.server.document.graph, name: tab.browser.server.graph.name, priority: tab.browser.server.graph.priority }, TYPES);
    const nothing = () => {};
    Object.assign(this, { announced: [], events: [], redraw: nothing, readPorts: nothing, panel: { commit: nothing }, scene: { render: nothing } });
    this.overlay = { setDiagnostics: nothing, version: nothing };
  }

  announce(text) {
    this.announced.push(text);
  }

  emit(name, detail) {
    this.events.push({ name, detail });
    if (name === 'wf:commit') this.tab.leave();
  }
}

export class Tab {
  constructor(browser, { user = 'ada', session = new Storage(), locks = true, ...options }) {
    this.browser = browser;
    /** Requests that the server has not answered. @type {any[]} */
    this.wire = [];
    /** What was posted beside the draft, and not answered yet. @type {{url: string, values: any}[]} */
    this.posts = [];
    /** Requests for all cards, while `holdsCards`: call one to answer it. @type {(() => void)[]} */
    this.cards = [];
    this.holdsCards = false;
    this.offers = [];
    this.choice = 'later';
    this.restored = '';
    this.held = [];
    this.chip = { dataset: {}, lastElementChild: { textContent: '' }, querySelector: () => null };
    this.page = this.window(user, session, locks);
    this.canvas = new Canvas(this, options);
    const ask = {
      check: async () => (this.restored ? 'same' : 'signed-out'),
      restore: async () => this.restored,
      offerCopy: async (offer) => (this.offers.push(offer), this.choice),
    };
    this.sync = new Sync(/** @type {any} */ (this.canvas), browser.server.rev, /** @type {any} */ (this.page), ask);
  }

  window(user, session, locks) {
    const { browser } = this;
    const document = Object.assign(new EventTarget(), {
      body: { dataset: { user } },
      hidden: false,
      getElementById: (id) => (id === 'save-chip' ? this.chip : null),
      querySelector: () => this.answer && { textContent: JSON.stringify(this.answer), remove: () => (this.answer = null) },
    });
    const request = async (key, options, then = options) => {
      const free = !browser.locks.has(key);
      if (options.ifAvailable && !free) return then(null);
      if (options.ifAvailable) return then({});
      if (free) this.held.push(browser.locks.set(key, this) && key);
      return undefined;
    };
    const look = async () => {
      const { server } = browser;
      this.answer = server.rev === this.sync.outbox.rev ? {} : { rev: server.rev, document: server.document, diagnostics: [] };
    };
    const parts = { draft: look, cards: () => new Promise((resolve) => (this.holdsCards ? this.cards.push(resolve) : resolve())) };
    const get = (url) => parts[url.split('/').pop().split('?')[0]]?.();
    return Object.assign(new EventTarget(), {
      document, localStorage: browser.storage, sessionStorage: session, location: { reload: () => (this.reloaded = true) },
      navigator: { onLine: true, locks: locks ? { request } : undefined },
      setTimeout: (run, ms) => browser.timers.push((this.last = { run, at: browser.now + ms, tab: this })) && this.last,
      clearTimeout: (timer) => (browser.timers = browser.timers.filter((one) => one !== timer)),
      htmx: { ajax: (method, url, { values }) => (method === 'GET' ? get(url) : Promise.resolve(this.posts.push({ url, values }))) },
    });
  }

  edit(...ops) {
    this.canvas.graph.applyAll(ops);
    this.sync.enqueue(ops);
  }

  /** The canvas's request goes out as htmx sends it. */
  leave() {
    const ctx = { sourceElement: this.canvas, request: { headers: {}, body: '' } };
    this.canvas.dispatchEvent(new CustomEvent('htmx:before:request', { detail: { ctx } }));
    this.wire.push(ctx);
  }

  /** The request reaches the server, and its answer arrives. */
  serve() {
    const { status, reply } = this.reach(this.wire[0]);
    return this.settle(status, reply);
  }

  /** The request reaches the server; its answer is lost on the way. */
  lose() {
    this.reach(this.wire[0]);
    return this.settle(0);
  }

  reach({ request }) {
    return this.browser.server.patch(Number(request.headers['If-Match'].replaceAll('"', '')), JSON.parse(request.body));
  }

  /** The request ends with this answer; 0: there was none. */
  async settle(status, reply = {}, headers = {}) {
    const ctx = this.wire.shift();
    this.answer = reply;
    ctx.response = status ? { status, headers: new Headers(headers) } : undefined;
    this.canvas.dispatchEvent(new CustomEvent('htmx:finally:request', { detail: { ctx } }));
    await turn();
  }

  /** The oldest post ends with this answer; 0: there was none. */
  answerPost(status) {
    const { url } = this.posts.shift();
    const ctx = { request: { action: url }, response: status ? { status } : undefined };
    for (const name of status ? ['after', 'finally'] : ['finally']) {
      this.page.document.dispatchEvent(new CustomEvent(`htmx:${name}:request`, { detail: { ctx } }));
    }
  }

  /** The tab is gone, without a word. */
  close() {
    for (const key of this.held) this.browser.locks.delete(key);
    this.browser.timers = this.browser.timers.filter((timer) => timer.tab !== this);
    this.wire = [];
  }

  get shows() {
    return [this.chip.dataset.state, this.chip.lastElementChild.textContent];
  }

  /** What is kept for this tab. */
  get stored() {
    return JSON.parse(this.browser.storage.getItem(this.sync.stored.own) ?? 'null');
  }
}
