// @ts-check
/** The panel at the right: what is open in it, loaded by htmx, its tabs and its focus. What is typed is `panel-form.js`'s. */
import { later } from './later.js';
import { offerAgain, unlessLost } from './lost-request.js';
import { gettext } from '../texts.js';

const PENDING_MS = 250;
/** The first condition of a step that has none yet: what its form is about. */
const EMPTY_RULE = 'form .conditions .cond:only-child [data-pick]:placeholder-shown';
const formPart = later(() => import('./panel-form.js'));

export class Panel {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.root = /** @type {HTMLElement} */ (document.getElementById('panel'));
    /** What is open: a step's id, `workflow`, `person`, or ''. */
    this.about = '';
    /** A field that should get the focus once the form is there. */
    this.wanted = '';
    /** Whose form somebody has worked in: a step is new until that form is left. */
    this.worked = '';
    this.loading = false;
    this.into = false;
    /** From the first form on. @type {import('./panel-form.js').PanelForm | undefined} */
    this.inputs = undefined;
    canvas.addEventListener('wf:select', (event) => this.follow(/** @type {any} */ (event).detail));
    canvas.addEventListener('wf:op', (event) => /** @type {any} */ (event).detail.travelled && this.reloadIf(/** @type {any} */ (event).detail.ops));
    for (const type of ['pointerdown', 'keydown', 'input']) this.root.addEventListener(type, (event) => this.work(event));
    this.root.addEventListener('click', ({ target }) => {
      const tab = /** @type {any} */ (target).closest('[role=tab]');
      if (tab) this.openTab(tab);
    });
    this.root.addEventListener('submit', (event) => event.preventDefault());
    this.root.addEventListener('keydown', (event) => this.keys(event));
    this.root.addEventListener('htmx:before:swap', (event) => event.target === this.root && clearTimeout(this.soon)); // no word over what comes
    this.root.addEventListener('htmx:after:swap', () => this.ready());
    document.querySelector('[data-open-workflow]')?.addEventListener('click', () => this.openWorkflow());
  }

  get form() {
    return /** @type {any} */ (this.root.querySelector('form[data-about]'));
  }

  /** Is something typed that is not an op yet? */
  get waiting() {
    return !!this.inputs?.waiting;
  }

  /** Turn what the form says now into ops. */
  commit(force = false) {
    this.inputs?.commit(force);
  }

  /** Diagnostics of what is open, beside their fields. */
  mark() {
    this.inputs?.mark();
  }

  follow({ ids, open, into }) {
    const { canvas } = this;
    if (canvas.overlay.walks) return;
    const [only] = ids;
    const step = ids.length === 1 && canvas.graph.node(only);
    if (step && (open || (this.about && this.about !== 'workflow'))) this.load(only, into);
    else if (!ids.length && this.about !== 'workflow') this.close(false);
  }

  openWorkflow() {
    this.canvas.select([]);
    this.load('workflow', true);
  }

  /** @param {string} about @param {boolean} [into] */
  async load(about, into = false) {
    const { canvas } = this;
    if (this.about === about && (this.form || this.loading)) {
      this.into ||= into && this.loading;
      if (into && !this.loading) this.focusIn();
      return;
    }
    this.commit();
    this.leave();
    this.form?.removeAttribute('data-about'); // what is typed into the old form from now on is nobody's
    this.about = about;
    this.into = into;
    this.loading = true;
    this.show();
    canvas.emit('wf:panel');
    if (canvas.graph.node(about)) requestAnimationFrame(() => requestAnimationFrame(() => canvas.show(about))); // after the canvas was resized
    const [done] = await Promise.all([canvas.sync.settled(), this.withInputs()]);
    if (this.about !== about) return;
    this.loading = done && !!this.inputs;
    if (!this.loading) return this.say(gettext('You are offline. The form opens when the connection is back; nothing is lost.'));
    const version = canvas.mode === 'results' && /** @type {any} */ (document.querySelector('#results-bar [name=version]'))?.value;
    const path = about === 'workflow' ? `panel?version=${version || 0}` : `nodes/${encodeURIComponent(about)}/panel`;
    await this.get(path);
  }

  /** Load what works on forms. */
  async withInputs() {
    if (!this.inputs) await formPart().then((part) => (this.inputs ??= new part.PanelForm(this)), () => null);
  }

  get(path) {
    this.pending();
    const [url, into] = [`/workflows/${this.canvas.workflow}/${path}`, { source: '#panel', target: '#panel', swap: 'innerHTML' }];
    return unlessLost(this.root, /** @type {any} */ (window).htmx.ajax('GET', url, into), () => this.offer(() => this.get(path)));
  }

  /** Nothing came. @param {() => void} again */
  offer(again) {
    Object.assign(this, { loading: false }).say('');
    offerAgain(this.root, again);
  }

  /** What comes takes longer than a blink: say so in the place of what was there before. */
  pending() {
    clearTimeout(this.soon);
    this.root.setAttribute('aria-busy', 'true');
    this.soon = setTimeout(() => {
      this.say(gettext('Loading…'));
      this.root.setAttribute('aria-busy', 'true');
      this.canvas.holdFocus();
    }, PENDING_MS);
  }

  say(text) {
    clearTimeout(this.soon);
    this.root.removeAttribute('aria-busy');
    this.root.replaceChildren(Object.assign(document.createElement('p'), { className: 'panel-note', textContent: text }));
  }

  /** After undo or redo changed what the form shows. */
  reloadIf(ops) {
    const ofWorkflow = (op) => this.about === 'workflow' && ['set_goals', 'set_settings', 'set_priority', 'rename'].includes(op.kind);
    const hit = ops.some((op) => op.nodeId === this.about || op.trigger?.id === this.about || ofWorkflow(op));
    if (!hit || ops.every((op) => op.kind === 'move_node')) return;
    this.reload(this.about);
  }

  /** Show the form of a step again, if it is open; what is typed until it is there goes on in it. @param {string} id */
  reload(id) {
    if (this.about !== id) return;
    const typing = this.inputs?.typing();
    this.about = '';
    this.load(id);
    this.typing = typing;
  }

  ready() {
    const { form } = this;
    this.loading = false;
    clearTimeout(this.soon);
    this.root.removeAttribute('aria-busy');
    const name = /** @type {any} */ (this.root.querySelector('[data-step-name]'));
    if (name) name.readOnly = !this.canvas.editable;
    if (!form) return;
    this.inputs?.ready(form);
    if (!this.canvas.editable) this.lock(form);
    const results = this.resultsTab();
    if (results) this.openTab(results);
    if (form.dataset.script) import(form.dataset.script).then((module) => module.enhance?.(form));
    if (this.wanted || this.into) this.focusIn();
    this.typing?.(form);
    this.typing = undefined;
  }

  /** To be read only. The keyboard scrolls by the pane, as nothing in it takes the focus. @param {HTMLElement} form */
  lock(form) {
    for (const control of /** @type {any} */ (form.querySelectorAll('input, select, textarea, button'))) control.disabled = true;
    /** @type {HTMLElement} */ (form.closest('.pane')).tabIndex = 0;
  }

  /** Who looks at results wants those of the step, unless a field was asked for. @returns {HTMLElement | null} */
  resultsTab() {
    return this.canvas.mode === 'results' && !this.wanted ? this.root.querySelector('#tab-results') : null;
  }

  focusIn() {
    const first = 'form input:not([type=hidden]), form select, form textarea, form button';
    const start = [...this.root.querySelectorAll(EMPTY_RULE), ...this.root.querySelectorAll(first)].find((one) => !one.closest('[hidden]'));
    const field = this.resultsTab() ?? ((this.wanted && this.form && this.inputs?.find(this.wanted)) || start);
    Object.assign(this, { wanted: '', into: false });
    /** @type {any} */ (field)?.focus();
  }

  show() {
    this.root.hidden = false;
    this.canvas.stage.setAttribute('data-panel', '');
    if (this.canvas.outline) this.root.focus(); // it covers what had the focus
  }

  /** @param {boolean} [back] focus the card again */
  close(refocus = true) {
    this.commit();
    const { about } = this;
    const inside = this.root.contains(document.activeElement);
    this.leave();
    Object.assign(this, { about: '', loading: false });
    clearTimeout(this.soon);
    this.root.hidden = true;
    this.root.replaceChildren();
    this.canvas.stage.removeAttribute('data-panel');
    this.canvas.emit('wf:panel');
    if (this.canvas.overlay.walks) this.canvas.setMode('edit');
    if (refocus && inside) this.canvas.focusOn(this.canvas.graph.node(about) ? about : this.canvas.current);
    else if (inside) this.canvas.holdFocus();
  }

  /** Who opens a form and closes it again has not worked in it. @param {any} event */
  work({ target, key }) {
    if (key !== 'Escape' && target.closest('form')) this.worked = this.about;
  }

  /** Another form takes the place of this one, or none. */
  leave() {
    if (this.worked && this.worked === this.about) this.canvas.overlay.fresh.leave(this.worked);
    this.worked = '';
  }

  keys(event) {
    if (event.key === 'Escape' && !event.defaultPrevented) {
      event.stopPropagation();
      this.close();
    }
    if (['ArrowUp', 'ArrowDown'].includes(event.key) && event.target.matches('.people .who, .people-bar [type=search]')) this.walk(event);
    const tab = event.target.closest('[role=tab]');
    if (tab && ['ArrowLeft', 'ArrowRight'].includes(event.key)) {
      const tabs = [...tab.parentElement.children];
      const next = tabs[(tabs.indexOf(tab) + (event.key === 'ArrowRight' ? 1 : -1) + tabs.length) % tabs.length];
      this.openTab(next);
      next.focus();
    }
  }

  /** Arrow keys go through the list of people, from the search and back to it. */
  walk(event) {
    const stops = /** @type {any[]} */ ([...this.root.querySelectorAll('.people-bar [type=search], .people .who')]);
    event.preventDefault();
    const next = stops[stops.indexOf(event.target) + (event.key === 'ArrowDown' ? 1 : -1)];
    next?.focus();
    if (next?.dataset.run) next.click(); // the way of whom the keys are at is lit
  }

  openTab(tab) {
    for (const other of tab.parentElement.children) {
      const on = other === tab;
      other.setAttribute('aria-selected', String(on));
      other.tabIndex = on ? 0 : -1;
      /** @type {HTMLElement} */ (document.getElementById(other.getAttribute('aria-controls'))).hidden = !on;
    }
  }
}
