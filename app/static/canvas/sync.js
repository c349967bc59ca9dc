// @ts-check
/**
 * Saving: a batch of ops leaves 600 ms after the last edit as one htmx PATCH with `If-Match`, never two at once. What is not
 * confirmed is kept in localStorage, so a closed tab, a dead network or a session that ended loses nothing.
 */
import { StoredEdits } from './stored-edits.js';
import { Outbox, shownAs, uuid } from './outbox.js';
import { showChip } from './save-chip.js';
import { pause, reason, saveResult } from './save-result.js';
import { later } from './later.js';
import { check, restore } from '../session.js';
import { gettext, ngettext } from '../texts.js';

/** @typedef {import('./graph.js').Op} Op */

const unsavedPart = later(() => import('./unsaved.js'));
/** @param {Parameters<typeof import('./unsaved.js').offerCopy>[0]} copy */
const offerCopy = async (copy) => (await unsavedPart()).offerCopy(copy);
const PAUSE_MS = 600;
/** Until the draft of others is looked at again, after what somebody did here stood in its way. */
const AGAIN_MS = 1_000;

export class Sync {
  /**
   * @param {import('./flow-canvas.js').FlowCanvas} canvas @param {number} rev
   * @param {Window} page the window: its document, storage, locks and timers
   * @param {{check: typeof check, restore: typeof restore, offerCopy: typeof offerCopy}} ask who is signed in, and what to do with edits that cannot be saved
   */
  constructor(canvas, rev, page = window, ask = { check, restore, offerCopy }) {
    this.canvas = canvas;
    this.page = page;
    this.ask = ask;
    this.outbox = new Outbox(canvas.graph, rev);
    this.client = page.sessionStorage.getItem('client') ?? uuid();
    page.sessionStorage.setItem('client', this.client);
    this.stored = new StoredEdits(page.localStorage, page.document.body.dataset.user ?? '', canvas.workflow, this.client);
    this.tries = 0;
    this.stalled = false;
    this.signedOut = false;
    /** The status that says that this person cannot save here; 0: they can. */
    this.stuck = 0;
    /** Where a copy of this side is on its way to; '' when none is. */
    this.copying = '';
    /** @type {((done: boolean) => void)[]} */
    this.waiters = [];
    this.listen();
  }

  listen() {
    const { canvas, page, ask } = this;
    const { document } = page;
    canvas.addEventListener('htmx:before:request', (event) => this.fill(/** @type {any} */ (event).detail.ctx));
    canvas.addEventListener('htmx:before:swap', (event) => this.spare(/** @type {any} */ (event).detail.tasks));
    canvas.addEventListener('htmx:finally:request', (event) => this.settle(/** @type {any} */ (event).detail.ctx));
    // The shell says "nothing was changed" when a request dies; here the change is kept, and the chip says so.
    canvas.addEventListener('htmx:error', (event) => event.stopPropagation());
    page.addEventListener('online', () => this.retryNow());
    page.addEventListener('offline', () => this.chip());
    document.addEventListener('submit', (event) => this.hold(event), true);
    document.addEventListener('visibilitychange', () => (document.hidden ? this.flush() : this.signedOut ? this.ifSignedIn() : this.look()));
    page.addEventListener('pagehide', () => this.flush());
    page.addEventListener('beforeunload', (event) => !this.stored.safe && this.outbox.pending.length && event.preventDefault());
    document.addEventListener('session:back', () => this.signedIn());
    // After the answer, and before htmx goes where it leads; `finally` comes when there was no answer, too.
    document.addEventListener('htmx:after:request', (event) => this.copied(/** @type {any} */ (event).detail.ctx));
    document.addEventListener('htmx:finally:request', (event) => {
      if (/** @type {any} */ (event).detail.ctx.request.action === this.copying) this.copying = '';
    });
    document.getElementById('save-act')?.addEventListener('click', () => (this.stuck ? this.offer() : ask.restore()));
    document.addEventListener('click', (event) => {
      const answer = /** @type {any} */ (event.target).closest('[data-conflict]')?.dataset.conflict;
      if (answer) this.resolve(answer);
      const button = /** @type {any} */ (event.target).closest('[data-when-saved]');
      if (button) canvas.panel.commit();
      if (!button) return;
      this.settled().then((done) => {
        if (done) button.dispatchEvent(new CustomEvent('wf:go'));
        else canvas.announce(gettext('First your changes have to be saved.'), 'err');
      });
    });
  }

  /** A form that reloads the page waits until everything is saved. */
  hold(event) {
    const form = event.target;
    if (form.dataset.flush === undefined || !this.outbox.pending.length) return;
    event.preventDefault();
    event.stopPropagation();
    this.settled().then((done) => done && form.requestSubmit());
  }

  /** Take up what a tab that is gone left behind, then look at what is to be sent. */
  async start() {
    await this.ready();
    await this.adopt();
    this.chip();
    if (this.outbox.waiting.length) this.flush();
  }

  /** htmx takes up the canvas after this module has run, and what is emitted before that is dropped. */
  ready() {
    const { canvas } = this;
    if (canvas.dataset.htmxPowered !== undefined) return Promise.resolve(true);
    return new Promise((resolve) => canvas.addEventListener('htmx:after:init', (event) => event.target === canvas && resolve(true)));
  }

  async adopt() {
    const { stored } = this;
    if (!this.canvas.mayEdit) return; // they stay for the day when this person may edit again
    const take = (key) => {
      const edits = stored.take(key);
      if (!edits) return;
      const { graph, dropped, count } = this.outbox.adopt(edits.ops, edits.rev);
      this.canvas.history.forget(new Set(dropped));
      this.canvas.graph = graph;
      this.canvas.redraw(edits.ops);
      if (count) this.canvas.announce(ngettext('%(number)s change from last time is being saved.', '%(number)s changes from last time are being saved.',
        count));
      this.keep();
    };
    const keys = stored.keys();
    if (keys.includes(stored.own)) take(stored.own);
    const { locks } = this.page.navigator;
    if (!locks) return;
    locks.request(stored.own, () => new Promise(() => {}));
    for (const key of keys) {
      if (key !== stored.own) await locks.request(key, { ifAvailable: true }, async (lock) => lock && take(key));
    }
  }

  keep() {
    const { pending, base, rev } = this.outbox;
    this.stored.write(base ?? rev, pending);
  }

  // ---------------------------------------------------------------- sending

  /** @param {Op[]} ops */
  enqueue(ops) {
    this.outbox.add(ops);
    this.keep();
    this.chip();
    this.page.clearTimeout(this.timer);
    this.timer = this.page.setTimeout(() => this.flush(), PAUSE_MS);
  }

  flush() {
    this.page.clearTimeout(this.timer);
    if (this.outbox.flying.length || this.stalled || this.signedOut || !this.outbox.take().length) return;
    this.chip();
    this.canvas.emit('wf:commit');
  }

  fill(ctx) {
    if (ctx.sourceElement !== this.canvas) return;
    const { request } = ctx;
    request.headers['If-Match'] = `"${this.outbox.base ?? this.outbox.rev}"`;
    request.headers['Content-Type'] = 'application/json';
    request.body = JSON.stringify({ client: this.client, ops: this.outbox.flying });
    request.keepalive = request.body.length < 50000;
  }

  /** Cards that were changed again since, or that are being renamed, are not overwritten by an older answer; what is not there stays away. */
  spare(tasks) {
    const late = ({ target }) => !target || (target.id?.startsWith('c-') && this.outbox.touches(target.id.slice(2)));
    for (let i = tasks.length - 1; i >= 0; i--) if (late(tasks[i])) tasks.splice(i, 1);
  }

  /** Resolves to true when all is saved, to false when that is not possible now. */
  settled() {
    if (!this.outbox.pending.length) return Promise.resolve(true);
    if (this.stalled || this.tries || this.signedOut) return Promise.resolve(false);
    this.flush();
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  done(all) {
    for (const waiter of this.waiters.splice(0)) waiter(all);
  }

  // ---------------------------------------------------------------- answers

  settle(ctx) {
    if (ctx.sourceElement !== this.canvas) return;
    const status = ctx.response?.status ?? 0;
    const header = (name) => ctx.response?.headers?.get(name) ?? null;
    const reply = status ? this.reply() : {};
    const result = saveResult(status, reply, header('x-session'));
    if (result === 'saved') this.saved(reply);
    else if (result === 'conflict') this.conflict(reply);
    else if (result === 'refused') this.refused(reply);
    else if (result === 'stuck') this.cannot(status);
    else this.later(result === 'signed-out', header('retry-after'));
    this.keep();
    this.chip();
  }

  /** The JSON that came with the last answer. */
  reply() {
    const tag = this.page.document.querySelector('#wf-reply script');
    const reply = tag ? JSON.parse(tag.textContent ?? '{}') : {};
    tag?.remove();
    return reply;
  }

  saved(reply) {
    const { rev } = this.outbox;
    this.tries = 0;
    this.outbox.base = undefined;
    this.outbox.confirm(reply.rev);
    if (reply.document) {
      this.canvas.panel?.commit(); // what is being typed was begun on the draft before, too
      this.others(reply);
      if (this.outbox.waiting.length) this.outbox.base = rev; // so that the server merges it, or asks
    }
    this.canvas.readPorts();
    this.canvas.overlay.setDiagnostics(reply.diagnostics);
    this.canvas.overlay.version(reply.unpublished);
    this.canvas.scene.render();
    this.canvas.emit('wf:saved', reply);
    if (this.outbox.waiting.length) this.flush();
    else this.done(true);
  }

  /** Others were faster and touched other things: show theirs below ours. */
  others(reply) {
    const { canvas } = this;
    const { graph, dropped } = this.outbox.restart(shownAs(reply.document, canvas.graph), reply.rev);
    canvas.history.forget(new Set(dropped));
    const { about = '', waiting } = canvas.panel ?? {};
    const shown = JSON.stringify(canvas.graph.node(about));
    canvas.graph = graph;
    canvas.redraw([]);
    this.refresh();
    if (shown && !waiting && JSON.stringify(graph.node(about)) !== shown) canvas.panel.reload(about);
    const text = gettext('%(person)s also changed this workflow. Both are kept.', { person: reply.by });
    if (reply.by) this.page.document.dispatchEvent(new CustomEvent('toast', { detail: { text } }));
  }

  /** Ask for a part of this workflow's page; what comes is swapped out of band. @param {string} path below the workflow */
  async fetchReply(path) {
    const into = { source: '#wf-reply', target: '#wf-reply', swap: 'none' };
    await /** @type {any} */ (this.page).htmx.ajax('GET', `/workflows/${this.canvas.workflow}/${path}`, into);
  }

  /** Ask for all cards again; each is morphed in place. Once more when a save was answered meanwhile: these may be from before it. */
  async refresh() {
    const { rev } = this.outbox;
    await this.fetchReply('cards');
    if (this.outbox.rev !== rev) return this.refresh();
    this.canvas.readPorts();
    this.canvas.scene.render();
    return undefined;
  }

  conflict(reply) {
    this.stalled = true;
    this.remote = reply;
    this.outbox.putBack();
    this.done(false);
    this.canvas.announce(gettext('%(person)s changed the same steps. Choose what to keep.', { person: reply.by }));
  }

  /** @param {string} answer mine, theirs or copy */
  resolve(answer) {
    const { canvas, remote } = this;
    if (!remote) return;
    if (answer === 'copy') {
      this.copy();
      return;
    }
    this.page.document.querySelector('[data-conflict]')?.closest('dialog')?.close();
    const { graph } = this.outbox.restart(shownAs(remote.document, canvas.graph), remote.rev, answer === 'mine' ? this.outbox.renewed() : []);
    this.remote = null;
    this.stalled = false;
    this.outbox.base = undefined;
    canvas.history.clear();
    canvas.graph = graph;
    canvas.redraw([]);
    canvas.overlay.setDiagnostics(remote.diagnostics ?? []);
    this.refresh();
    this.flush();
    this.keep();
    this.chip();
    canvas.announce(answer === 'mine' ? gettext('Your changes were kept.') : gettext('Their changes were taken.'));
  }

  /** Make a new workflow of this side; the answer leads there. Until then everything stays kept here, and the dialog stays open. */
  copy() {
    const { canvas, page } = this;
    if (this.copying) return;
    this.copying = `/workflows/${canvas.workflow}/copies`;
    const graph = JSON.stringify(canvas.graph.toJSON());
    /** @type {any} */ (page).htmx.ajax('POST', this.copying, { source: '#wf-reply', target: '#wf-reply', swap: 'none', values: { graph } });
  }

  /** The copy was answered; an answer that says no, or none at all, is told by the shell. */
  copied(ctx) {
    if (!this.copying || ctx.request.action !== this.copying || !(ctx.response?.status < 400)) return;
    this.outbox.waiting = [];
    this.keep();
  }

  /** The server said no: take the op back and say why. */
  refused(reply) {
    const { canvas, outbox } = this;
    const errors = reply.errors ?? [];
    const bad = new Set(errors.map((error) => outbox.culprit(error.path)?.id).filter(Boolean));
    const located = errors.map((error) => ({ ...error, nodeId: outbox.culprit(error.path)?.nodeId }));
    const { graph, dropped } = outbox.refuse(bad);
    canvas.history.forget(new Set(dropped));
    canvas.graph = graph;
    canvas.redraw([]);
    canvas.emit('wf:refused', { errors: located });
    canvas.announce(reply.message ?? gettext('The server did not take this change, so it was taken back.'), 'err');
    if (outbox.waiting.length) this.flush();
    else this.done(true);
  }

  /** No answer, or one that may pass: keep everything and try again; signed out, once somebody has signed in. */
  later(signedOut, after) {
    this.outbox.putBack();
    this.signedOut = signedOut;
    const wait = pause(this.tries, after);
    this.tries += 1;
    this.done(false);
    this.page.clearTimeout(this.timer);
    // At once, but for a session that is there and yet not taken: then at the pace of every other try.
    if (signedOut) this.ask.restore().then((proof) => proof && this.page.setTimeout(() => this.signedIn(), this.tries > 2 ? wait : 0));
    else this.timer = this.page.setTimeout(() => this.flush(), wait);
  }

  /** The right session is there again. */
  signedIn() {
    if (!this.signedOut) return;
    this.signedOut = false;
    this.flush();
    this.chip();
  }

  async ifSignedIn() {
    if ((await this.ask.check()) === 'same') this.signedIn();
  }

  /** This person cannot save here (any more): keep the edits and offer them as a file. */
  cannot(status) {
    this.outbox.putBack();
    this.stalled = true;
    this.stuck = status;
    this.done(false);
    this.offer();
  }

  async offer() {
    const { canvas, outbox } = this;
    const [title, text] = reason(this.stuck, outbox.pending.length);
    const { name, description, priority } = canvas.graph;
    const json = JSON.stringify({ name, description, priority, graph: canvas.graph.toJSON() }, null, 2);
    if ((await this.ask.offerCopy({ title, text, name: canvas.graph.name, json })) !== 'discard') return;
    outbox.waiting = [];
    this.keep();
    this.page.location.reload();
  }

  retryNow() {
    if (this.outbox.pending.length) this.flush();
  }

  /** Back in this tab: did somebody change the draft meanwhile? */
  async look() {
    if (this.outbox.pending.length || this.canvas.mode !== 'edit') return this.flush();
    await this.fetchReply(`draft?rev=${this.outbox.rev}`);
    const reply = this.reply();
    // What was begun meanwhile is sent against the draft that it was begun on, so that the server merges it, or asks.
    if (!reply.document || this.outbox.pending.length) return undefined;
    if (this.busy) this.page.setTimeout(() => this.look(), AGAIN_MS);
    else {
      this.others(reply);
      this.canvas.overlay.setDiagnostics(reply.diagnostics);
    }
    return undefined;
  }

  /** Is something being typed, drawn or dragged, or not saved yet? */
  get busy() {
    const { panel, gestures } = this.canvas;
    return Boolean(gestures?.gesture || gestures?.links.open || panel?.waiting || this.outbox.pending.length);
  }

  // ---------------------------------------------------------------- the chip

  chip() {
    showChip(this);
  }
}
