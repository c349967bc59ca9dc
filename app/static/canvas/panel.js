// @ts-check
/** The panel at the right: loads a step's form by htmx, turns what is typed into `update_node`, keeps errors beside the fields. */
import { askOne } from './ask.js';
import { link } from './commands.js';
import { ConditionRows } from './condition-rows.js';
import { LiveMatches } from './live-matches.js';
import { VariablePicker, writeFallback } from './variable-picker.js';
import { arrange, editRows, find, read, showErrors, typingIn } from './forms.js';
import { below, retryOf, same } from './form-changes.js';

const TYPING_MS = 400;
const PENDING_MS = 250;

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
    canvas.addEventListener('wf:select', (event) => this.follow(/** @type {any} */ (event).detail));
    canvas.addEventListener('wf:op', (event) => /** @type {any} */ (event).detail.travelled && this.reloadIf(/** @type {any} */ (event).detail.ops));
    canvas.addEventListener('wf:refused', (event) => this.complain(/** @type {any} */ (event).detail.errors));
    canvas.addEventListener('wf:saved', () => this.mark());
    for (const type of ['pointerdown', 'keydown', 'input']) this.root.addEventListener(type, (event) => this.work(event));
    this.root.addEventListener('input', (event) => this.typed(event, TYPING_MS));
    this.root.addEventListener('change', (event) => this.typed(event, 0));
    this.root.addEventListener('click', (event) => this.clicked(/** @type {any} */ (event.target)));
    this.root.addEventListener('submit', (event) => event.preventDefault());
    this.root.addEventListener('keydown', (event) => this.keys(event));
    this.root.addEventListener('htmx:before:swap', (event) => event.target === this.root && clearTimeout(this.soon)); // no word over what comes
    this.root.addEventListener('htmx:after:swap', () => this.ready());
    this.rows = new ConditionRows(this.root, { changed: () => this.commit(true), say: (text) => canvas.announce(text) });
    this.matches = new LiveMatches(this.root);
    new VariablePicker();
    document.querySelector('[data-open-workflow]')?.addEventListener('click', () => this.openWorkflow());
  }

  get form() {
    return /** @type {any} */ (this.root.querySelector('form[data-about]'));
  }

  follow({ ids, open, into }) {
    const { canvas } = this;
    if (canvas.mode === 'person') return;
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
    const done = await canvas.sync.settled();
    if (this.about !== about) return;
    this.loading = done;
    if (!done) return this.say('You are offline. The form opens when the connection is back; nothing is lost.');
    const version = canvas.mode === 'results' && /** @type {any} */ (document.querySelector('#results-bar [name=version]'))?.value;
    const path = about === 'workflow' ? `panel?version=${version || 0}` : `nodes/${encodeURIComponent(about)}/panel`;
    await this.get(path);
  }

  get(path) {
    this.pending();
    const into = { source: '#panel', target: '#panel', swap: 'innerHTML' };
    return /** @type {any} */ (window).htmx.ajax('GET', `/workflows/${this.canvas.workflow}/${path}`, into);
  }

  /** What comes takes longer than a blink: say so in the place of what was there before. */
  pending() {
    clearTimeout(this.soon);
    this.root.setAttribute('aria-busy', 'true');
    this.soon = setTimeout(() => {
      this.say('Loading…');
      this.root.setAttribute('aria-busy', 'true');
      this.canvas.holdFocus();
    }, PENDING_MS);
  }

  say(text) {
    clearTimeout(this.soon);
    this.root.removeAttribute('aria-busy');
    const line = document.createElement('p');
    line.className = 'panel-note';
    line.textContent = text;
    this.root.replaceChildren(line);
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
    const typing = typingIn(this.form);
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
    arrange(form);
    if (this.canvas.editable) this.matches.soon(0);
    else this.lock(form);
    this.mark();
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
    const field = this.resultsTab() ?? ((this.wanted && this.form && find(this.form, this.wanted)) || this.root.querySelector(first));
    this.wanted = '';
    this.into = false;
    /** @type {any} */ (field)?.focus();
  }

  show() {
    this.root.hidden = false;
    this.canvas.stage.setAttribute('data-panel', '');
  }

  /** @param {boolean} [back] focus the card again */
  close(refocus = true) {
    this.commit();
    const { about } = this;
    const inside = this.root.contains(document.activeElement);
    this.leave();
    this.about = '';
    this.loading = false;
    clearTimeout(this.soon);
    this.root.hidden = true;
    this.root.replaceChildren();
    this.canvas.stage.removeAttribute('data-panel');
    this.canvas.emit('wf:panel');
    if (this.canvas.mode === 'person') this.canvas.setMode('edit');
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
    stops[stops.indexOf(event.target) + (event.key === 'ArrowDown' ? 1 : -1)]?.focus();
  }

  clicked(target) {
    const tab = target.closest('[role=tab]');
    if (tab) this.openTab(tab);
    const drop = target.closest('[data-drop]');
    const edge = this.canvas.graph.edgeAt(this.about, drop?.closest('[data-item]').dataset.port);
    if (edge) this.dropWay(drop, edge);
    else if (editRows(target)) this.commit(true);
    const chip = target.closest('[data-insert]');
    if (chip) this.insertText(chip.dataset.insert);
    const setter = target.closest('[data-set-data]');
    if (setter && this.canvas.editable) this.setData(JSON.parse(setter.dataset.setData), `Set up ${this.canvas.titleOf(this.about)}`);
  }

  /** A row that is a way out goes: ask where the people go who went that way. @param {any} drop @param {import('./graph.js').Edge} edge */
  async dropWay(drop, edge) {
    const { canvas, about } = this;
    const ports = canvas.graph.ports(about);
    const word = ports.find((port) => port.id === edge.sourceHandle)?.label || edge.sourceHandle;
    const free = canvas.graph.openPorts(about).filter((port) => port.id !== edge.sourceHandle);
    const next = `To ${canvas.titleOf(edge.target)}, as before`;
    const chosen = await askOne('ask-people', word, [
      ...free.map((port) => ({ value: port.id, text: `Go on by “${port.label || port.id}”`, note: next })),
      { value: '', text: 'Take it apart', note: 'The steps behind stay on the canvas, unconnected' },
    ]);
    if (chosen === null || this.about !== about || !drop.isConnected) return;
    editRows(drop);
    clearTimeout(this.timer);
    this.waiting = false;
    const ops = [...this.changes(read(this.form)), { kind: 'remove_edge', edgeId: edge.id }];
    if (chosen) ops.push(link(about, chosen, edge.target));
    canvas.perform(ops, `Removed ${word} of ${canvas.titleOf(about)}`);
  }

  openTab(tab) {
    for (const other of tab.parentElement.children) {
      const on = other === tab;
      other.setAttribute('aria-selected', String(on));
      other.tabIndex = on ? 0 : -1;
      /** @type {HTMLElement} */ (document.getElementById(other.getAttribute('aria-controls'))).hidden = !on;
    }
  }

  /** Put a placeholder such as {{ contact.email }} where the cursor was. */
  insertText(text) {
    const field = this.lastField?.isConnected ? this.lastField : null;
    if (!field) return;
    field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
    field.focus();
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }

  typed(event, wait) {
    const name = event.target.closest('[data-step-name]');
    if (event.target.matches('input[type=text], textarea')) this.lastField = event.target;
    if (event.type === 'change' && event.target.matches('[data-if-missing], [data-instead]')) {
      writeFallback(this.form, event.target);
      return this.commit(true);
    }
    if (event.target.matches('[data-presets]') && event.type === 'change') return this.usePreset(event.target);
    if (event.target.matches('[data-beside]') || (!name && !event.target.closest('form[data-about]'))) return;
    if (this.form) arrange(this.form);
    clearTimeout(this.timer);
    this.waiting = true;
    if (event.target.matches('[data-reloads]')) return event.type === 'change' && this.swapForm();
    this.timer = setTimeout(() => this.commit(true), wait);
  }

  /** What a sender or a service needs takes the place of the fields that it names. @param {any} select */
  usePreset(select) {
    const data = JSON.parse(select.dataset.presets)[select.value];
    if (data) this.setData(data, `Set up ${this.canvas.titleOf(this.about)} for ${select.selectedOptions[0].text}`, select.name);
  }

  /** These settings take the place of those of the same name, by one step of undo. @param {any} data @param {string} words */
  setData(data, words, wanted = '') {
    const { canvas, about } = this;
    this.commit();
    const trigger = canvas.graph.triggers.get(about);
    const before = trigger ?? canvas.graph.nodes.get(about);
    if (!before) return;
    const changed = { ...before.data, ...data };
    const op = trigger ? { kind: 'set_trigger', trigger: { ...trigger, data: changed } } : { kind: 'update_node', nodeId: about, data: changed };
    this.wanted = wanted;
    canvas.perform([op], words);
    this.reload(about);
  }

  /** Another type was chosen: its form replaces this one. */
  swapForm() {
    this.commit(true);
    this.reload(this.about);
  }

  /** Turn what the form says now into ops. */
  commit(force = false) {
    clearTimeout(this.timer);
    if (!force && !this.waiting) return;
    this.waiting = false;
    const { canvas, about } = this;
    if (!about || !canvas.editable) return;
    if (!this.form) return;
    const name = /** @type {any} */ (this.root.querySelector('[data-step-name]'));
    const title = about === 'workflow' ? 'the workflow’s settings' : canvas.titleOf(about);
    const ops = this.changes(read(this.form));
    const node = canvas.graph.node(about);
    if (name && node && !canvas.graph.isTrigger(about) && name.value.trim() !== (node.name ?? '')) {
      ops.push({ kind: 'update_node', nodeId: about, name: name.value.trim() || null });
    }
    this.matches.soon();
    document.getElementById('texts')?.dispatchEvent(new CustomEvent('wf:texts'));
    if (ops.length) canvas.perform(ops, `Changed ${title}`, { key: `form ${about} ${document.activeElement?.id}`, quiet: true });
  }

  /** @returns {import('./graph.js').Op[]} */
  changes(values) {
    const { graph } = this.canvas;
    const { about } = this;
    if (about === 'workflow') {
      const { goals = [], settings: { retry, ...settings } = {}, description, priority = 'normal' } = values;
      const rule = retryOf(retry, graph.settings?.retry);
      if (rule) settings.retry = rule;
      const identified = goals.map((goal) => ({ ...goal, id: goal.id ?? `goal-${Math.random().toString(36).slice(2, 7)}` }));
      const ops = [];
      if (!same(identified, graph.goals)) ops.push({ kind: 'set_goals', goals: identified });
      if (!same(settings, graph.settings)) ops.push({ kind: 'set_settings', settings });
      if (priority !== graph.priority) ops.push({ kind: 'set_priority', priority });
      if ((description ?? null) !== (graph.description ?? null)) ops.push({ kind: 'rename', name: graph.name, description: description ?? null });
      return ops;
    }
    const before = graph.triggers.get(about);
    if (before) {
      const { type = before.type, ...shown } = values;
      const { start = {}, fields = [] } = graph.types[`trigger:${type}`] ?? {};
      // Another kind: what the old form did not show is kept as far as the new kind knows it, so that going back brings it back.
      const known = Object.entries({ ...start, ...before.data, ...shown }).filter(([key]) => fields.includes(key));
      const data = type === before.type ? { ...start, ...shown } : Object.fromEntries(known);
      const unchanged = type === before.type && same(data, { ...start, ...before.data });
      return unchanged ? [] : [{ kind: 'set_trigger', trigger: { ...before, type, data } }];
    }
    const { retry, policy, ...data } = values;
    const node = graph.nodes.get(about);
    if (!node) return [];
    const ops = [];
    if (!same(data, node.data ?? {})) ops.push({ kind: 'update_node', nodeId: about, data });
    if (this.form.querySelector('[name="retry.attempts"]')) {
      const changed = retryOf(retry, node.retry);
      if (!same(changed, node.retry ?? null)) ops.push({ kind: 'update_node', nodeId: about, retry: changed });
    }
    for (const field of ['onError', 'timeout']) {
      const chosen = policy?.[field] ?? null;
      const shown = this.form.querySelector(`[name="policy.${field}"]`);
      if (shown && chosen !== (node[field] ?? null)) ops.push({ kind: 'update_node', nodeId: about, [field]: chosen });
    }
    return ops;
  }

  /** Diagnostics of this step, beside their fields. */
  mark() {
    const { form, canvas, about } = this;
    if (!form) return;
    const id = about === 'workflow' ? null : about;
    const diagnostics = canvas.overlay.diagnostics.filter((diagnostic) => (diagnostic.nodeId ?? null) === id);
    showErrors(form, diagnostics.map((one) => ({ ...one, severity: canvas.overlay.kindOf(one), path: below(one.path) })));
  }

  complain(errors) {
    const shown = errors.filter((error) => (error.nodeId ?? (this.about === 'workflow' ? this.about : '')) === this.about);
    if (this.form && shown.length) showErrors(this.form, shown.map((error) => ({ ...error, path: below(error.path) })));
  }
}
