// @ts-check
/** The form in the panel: turns what is typed into ops, keeps errors beside the fields. Loaded with the first form that is opened. */
import { askOne } from './ask.js';
import { link } from './commands.js';
import { openDrawer } from './drawer-links.js';
import { ConditionRows } from './condition-rows.js';
import { LiveMatches } from './live-matches.js';
import { ChipFields } from './chip-fields.js';
import { placeTexts } from './rendered-texts.js';
import { VariablePicker } from './variable-picker.js';
import { writeFallback } from './variable-texts.js';
import { arrange, editRows, find, read, showErrors, typingIn } from './forms.js';
import { below, retryOf, same } from './form-changes.js';
import { gettext } from '../texts.js';

const TYPING_MS = 400;

export class PanelForm {
  /** @param {import('./panel.js').Panel} panel */
  constructor(panel) {
    this.panel = panel;
    this.canvas = panel.canvas;
    /** Is something typed that is not an op yet? */
    this.waiting = false;
    const { root } = panel;
    this.canvas.addEventListener('wf:refused', (event) => this.complain(/** @type {any} */ (event).detail.errors));
    this.canvas.addEventListener('wf:saved', () => this.mark());
    root.addEventListener('input', (event) => this.typed(event, TYPING_MS));
    root.addEventListener('change', (event) => this.typed(event, 0));
    root.addEventListener('click', openDrawer);
    root.addEventListener('htmx:after:swap', ({ target }) => /** @type {any} */ (target).id === 'texts' && placeTexts(panel.form, /** @type {any} */ (target)));
    root.addEventListener('click', (event) => this.clicked(/** @type {any} */ (event.target)));
    this.rows = new ConditionRows(root, { changed: () => this.commit(true), say: (text) => this.canvas.announce(text) });
    this.matches = new LiveMatches(root);
    this.variables = new VariablePicker();
    document.addEventListener('wf:room', () => requestAnimationFrame(() => requestAnimationFrame(() => panel.about && this.canvas.show(panel.about))));
    this.chips = new ChipFields(root, (text) => this.canvas.announce(text));
    this.canvas.addEventListener('wf:panel', () => panel.about || this.variables.ready(null));
  }

  /** A form is there. @param {HTMLElement} form */
  ready(form) {
    arrange(form);
    this.variables.ready(this.canvas.editable ? form : null);
    this.chips.ready(form);
    if (this.canvas.editable) this.matches.soon(0);
    this.mark();
  }

  /** The control that a path names. @param {string} path */
  find(path) {
    return find(this.panel.form, path);
  }

  /** Where the cursor is and what is typed, for the form that comes in the place of this one. */
  typing() {
    return typingIn(this.panel.form);
  }

  clicked(target) {
    const { canvas, panel } = this;
    const drop = target.closest('[data-drop]');
    const edge = canvas.graph.edgeAt(panel.about, drop?.closest('[data-item]').dataset.port);
    if (edge) this.dropWay(drop, edge);
    else if (editRows(target)) this.commit(true);
    const chip = target.closest('[data-insert]');
    if (chip) this.insertText(chip.dataset.insert);
    const setter = target.closest('[data-set-data]');
    if (setter && canvas.editable) this.setData(JSON.parse(setter.dataset.setData), gettext('Set up %(step)s', { step: canvas.titleOf(panel.about) }));
  }

  /** A row that is a way out goes: ask where the people go who went that way. @param {any} drop @param {import('./graph.js').Edge} edge */
  async dropWay(drop, edge) {
    const { canvas, about } = this.panel;
    const ports = canvas.graph.ports(about);
    const word = ports.find((port) => port.id === edge.sourceHandle)?.label || edge.sourceHandle;
    const free = canvas.graph.openPorts(about).filter((port) => port.id !== edge.sourceHandle);
    const next = gettext('To %(step)s, as before', { step: canvas.titleOf(edge.target) });
    const chosen = await askOne('ask-people', word, [
      ...free.map((port) => ({ value: port.id, text: gettext('Continue by “%(id)s”', { id: port.label || port.id }), note: next })),
      { value: '', text: gettext('Take it apart'), note: gettext('The steps behind stay on the canvas, unconnected') },
    ]);
    if (chosen === null || this.panel.about !== about || !drop.isConnected) return;
    editRows(drop);
    clearTimeout(this.timer);
    this.waiting = false;
    const ops = [...this.changes(read(this.panel.form)), { kind: 'remove_edge', edgeId: edge.id }];
    if (chosen) ops.push(link(about, chosen, edge.target));
    canvas.perform(ops, gettext('Removed %(word)s of %(step)s', { word, step: canvas.titleOf(about) }));
  }

  /** Put a placeholder such as {{ contact.email }} where the cursor was. */
  insertText(text) {
    const last = this.lastField?.isConnected ? this.lastField : null;
    const field = last?.chips ?? last;
    if (!field) return;
    field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
    field.focus();
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }

  typed(event, wait) {
    const name = event.target.closest('[data-step-name]');
    if (event.target.matches('input[type=text], textarea')) this.lastField = event.target;
    if (event.type === 'change' && event.target.matches('[data-if-missing], [data-instead]')) {
      writeFallback(this.panel.form, event.target);
      return this.commit(true);
    }
    if (event.target.matches('[data-presets]') && event.type === 'change') return this.usePreset(event.target);
    if (event.target.matches('[data-beside]') || (!name && !event.target.closest('form[data-about]'))) return;
    if (this.panel.form) arrange(this.panel.form);
    clearTimeout(this.timer);
    this.waiting = true;
    if (event.type === 'input' && this.rows.picker.searches(event.target)) return undefined; // a field is being looked for
    if (event.target.matches('[data-reloads]')) return event.type === 'change' && this.swapForm();
    this.timer = setTimeout(() => this.commit(true), wait);
  }

  /** What a sender or a service needs takes the place of the fields that it names. @param {any} select */
  usePreset(select) {
    const data = JSON.parse(select.dataset.presets)[select.value];
    if (data) this.setData(data, gettext('Set up %(step)s for %(text)s', { step: this.canvas.titleOf(this.panel.about),
      text: select.selectedOptions[0].text }), select.name);
  }

  /** These settings take the place of those of the same name, by one step of undo. @param {any} data @param {string} words */
  setData(data, words, wanted = '') {
    const { canvas, about } = this.panel;
    this.commit();
    const trigger = canvas.graph.triggers.get(about);
    const before = trigger ?? canvas.graph.nodes.get(about);
    if (!before) return;
    const changed = { ...before.data, ...data };
    const op = trigger ? { kind: 'set_trigger', trigger: { ...trigger, data: changed } } : { kind: 'update_node', nodeId: about, data: changed };
    this.panel.wanted = wanted;
    canvas.perform([op], words);
    this.panel.reload(about);
  }

  /** Another type was chosen: its form replaces this one. */
  swapForm() {
    this.commit(true);
    this.panel.reload(this.panel.about);
  }

  /** Turn what the form says now into ops. */
  commit(force = false) {
    clearTimeout(this.timer);
    if (!force && !this.waiting) return;
    this.rows.picker.settle();
    clearTimeout(this.timer);
    this.waiting = false;
    const { canvas, about } = this.panel;
    if (!about || !canvas.editable) return;
    if (!this.panel.form) return;
    const name = /** @type {any} */ (this.panel.root.querySelector('[data-step-name]'));
    const title = about === 'workflow' ? 'the workflow’s settings' : canvas.titleOf(about);
    const ops = this.changes(read(this.panel.form));
    const node = canvas.graph.node(about);
    if (name && node && !canvas.graph.isTrigger(about) && name.value.trim() !== (node.name ?? '')) {
      ops.push({ kind: 'update_node', nodeId: about, name: name.value.trim() || null });
    }
    this.matches.soon();
    document.getElementById('texts')?.dispatchEvent(new CustomEvent('wf:texts'));
    if (!ops.length) return;
    const at = /** @type {any} */ (document.activeElement);
    const { id, name: called } = at?.area ?? at ?? {}; // chips stand over the field that they belong to
    canvas.perform(ops, gettext('Changed %(title)s', { title }), { key: `form ${about} ${id || called}`, quiet: true });
  }

  /** @returns {import('./graph.js').Op[]} */
  changes(values) {
    const { graph } = this.canvas;
    const { about } = this.panel;
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
    if (this.panel.form.querySelector('[name="retry.attempts"]')) {
      const changed = retryOf(retry, node.retry);
      if (!same(changed, node.retry ?? null)) ops.push({ kind: 'update_node', nodeId: about, retry: changed });
    }
    for (const field of ['onError', 'timeout']) {
      const chosen = policy?.[field] ?? null;
      const shown = this.panel.form.querySelector(`[name="policy.${field}"]`);
      if (shown && chosen !== (node[field] ?? null)) ops.push({ kind: 'update_node', nodeId: about, [field]: chosen });
    }
    return ops;
  }

  /** Diagnostics of this step, beside their fields. */
  mark() {
    const { form, canvas, about } = this.panel;
    if (!form) return;
    const id = about === 'workflow' ? null : about;
    const diagnostics = canvas.overlay.diagnostics.filter((diagnostic) => (diagnostic.nodeId ?? null) === id);
    const fixes = canvas.editable ? (one) => canvas.overlay.diagnostics.indexOf(one) : () => -1;
    showErrors(form, diagnostics.map((one) => ({ ...one, severity: canvas.overlay.kindOf(one), path: below(one.path), at: fixes(one) })));
    this.chips.mark(diagnostics);
  }

  complain(errors) {
    const shown = errors.filter((error) => (error.nodeId ?? (this.panel.about === 'workflow' ? this.panel.about : '')) === this.panel.about);
    if (this.panel.form && shown.length) showErrors(this.panel.form, shown.map((error) => ({ ...error, path: below(error.path) })));
  }
}
