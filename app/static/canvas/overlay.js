// @ts-check
/** What lies over the cards while editing: diagnostics. `results.js` has what lies there in Results and Person. */
import { later } from './later.js';
import { NewSteps } from './new-steps.js';
import { make } from './elements.js';
import { gettext, ngettext } from '../texts.js';

/** @typedef {{path: string, message: string, nodeId?: string | null, severity: string, fix?: import('./quick-fixes.js').Fix}} Diagnostic */

const resultsPart = later(() => import('./results.js'));

/** What is wrong, by its kind and the worst first: one word for each, in the header, on cards and in the list. */
const WORDS = {
  error: (/** @type {number} */ count) => ngettext('%(number)s error', '%(number)s errors', count),
  'to-do': (/** @type {number} */ count) => gettext('%(number)s to do', { number: count }),
  warning: (/** @type {number} */ count) => ngettext('%(number)s warning', '%(number)s warnings', count),
};
const ICONS = { error: 'circle-alert', 'to-do': 'circle', warning: 'triangle-alert' };
export class Overlay {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {Diagnostic[]} diagnostics */
  constructor(canvas, diagnostics) {
    this.canvas = canvas;
    /** All that is shown, what the last answer said of the draft, and what the data of the workspace says of it. @type {Diagnostic[]} */
    this.diagnostics = [];
    /** @type {Diagnostic[]} */
    this.answered = [];
    /** @type {Diagnostic[]} */
    this.present = [];
    /** Of which version results are shown, '' for the live one; whose run is shown, '' for none. */
    this.shownVersion = '';
    this.shownRun = '';
    /** The step of a test that an address names. */
    this.shownStep = '';
    /** The step behind which the next test stops. */
    this.until = '';
    /** @type {import('./results.js').Results | undefined} */
    this.results = undefined;
    this.fresh = new NewSteps(canvas);
    document.querySelector('.issues-menu')?.addEventListener('toggle', () => this.fill());
    this.setDiagnostics(diagnostics);
    canvas.addEventListener('wf:mode', (event) => this.enter(/** @type {any} */ (event).detail.mode));
  }

  // ---------------------------------------------------------------- diagnostics

  /** @param {Diagnostic[]} [diagnostics] */
  setDiagnostics(diagnostics = this.answered) {
    this.answered = diagnostics;
    this.diagnostics = [...diagnostics, ...this.present.filter(({ nodeId }) => this.canvas.graph.node(nodeId ?? ''))];
    /** By step. @type {Map<string, Diagnostic[]>} */
    this.byStep = new Map();
    for (const one of this.diagnostics) {
      const id = one.nodeId ?? '';
      this.byStep.get(id)?.push(one) ?? this.byStep.set(id, [one]);
    }
    for (const id of this.canvas.scene?.cards.keys() ?? []) this.badge(id);
    this.canvas.scene?.farMap?.refresh();
    this.list();
  }

  /** The version in the top bar: does the draft differ from what is live? @param {boolean} unpublished */
  version(unpublished) {
    const chip = document.getElementById('version-chip');
    const button = document.getElementById('activate-button');
    if (!chip || unpublished === undefined) return;
    const live = Number(chip.dataset.live);
    chip.textContent = unpublished ? gettext('Draft v%(version)s', { version: live + 1 }) : `v${live}`;
    if (!button) return;
    /** @type {any} */ (button).disabled = button.dataset.status === 'active' && !unpublished; // it keeps its place, so nothing jumps
    button.title = unpublished ? '' : gettext('Nothing has changed since the last version');
    /** @type {any} */ (button.querySelector('[data-next]')).textContent = `v${live + (unpublished ? 1 : 0)}`;
  }

  of(id) {
    return this.byStep.get(id) ?? [];
  }

  /** `error`, `warning`, or `to-do`: what a card lacks that is new, and the lines that are not drawn yet. @param {Diagnostic} diagnostic */
  kindOf({ severity, nodeId, path, fix }) {
    if (!nodeId) return severity;
    const unlinked = (severity === 'error' && /^trigger(s\[\d+\])?$/.test(path)) || !!fix?.removeStep;
    return (unlinked && !this.fresh.judged.has(nodeId)) || this.fresh.has(nodeId) ? 'to-do' : severity;
  }

  /** Does something block activation on a step that is not new? @param {string} id */
  isWrong(id) {
    return this.of(id).some((diagnostic) => this.kindOf(diagnostic) === 'error');
  }

  badge(id) {
    const entry = this.canvas.scene.cards.get(id);
    if (!entry || this.canvas.scene.culling.out.has(id)) return; // it comes when the card is shown
    const ofStep = this.of(id);
    if (!ofStep.length && !entry.card.querySelector('.bad')) return;
    const kinds = ofStep.map((diagnostic) => this.kindOf(diagnostic));
    const [worst] = Object.keys(WORDS).filter((kind) => kinds.includes(kind));
    entry.li.classList.toggle('err', worst === 'error');
    entry.li.classList.toggle('to-do', worst === 'to-do');
    entry.li.classList.toggle('warn', worst === 'warning');
    entry.card.querySelector('.bad')?.remove();
    if (!worst) return;
    const bad = make('span', 'bad', { title: ofStep.map((diagnostic) => diagnostic.message).join('\n') });
    const words = make('span');
    words.textContent = worst === 'to-do' ? gettext('To do') : WORDS[worst](kinds.filter((kind) => kind === worst).length);
    bad.append(this.canvas.icon(ICONS[worst]), words);
    entry.card.append(bad);
  }

  list() {
    const button = document.getElementById('issues-button');
    if (!button) return;
    const kinds = this.diagnostics.map((diagnostic) => this.kindOf(diagnostic));
    const blocking = this.diagnostics.filter(({ severity }) => severity === 'error').length;
    const counts = Object.keys(WORDS).map((kind) => ({ kind, count: kinds.filter((one) => one === kind).length })).filter(({ count }) => count);
    const [worst, ...others] = counts;
    for (const [kind, name] of [['warning', 'warn'], ['to-do', 'to-do'], [undefined, 'none']]) button.classList.toggle(`${name}`, worst?.kind === kind);
    const sentence = worst ? counts.map(({ kind, count }) => WORDS[kind](count)).join(', ') : gettext('No errors');
    // The worst in words, the others by sign and number: all in words would push what stands beside them.
    /** @type {any} */ (button.querySelector('.words')).replaceChildren(worst ? WORDS[worst.kind](worst.count) : sentence,
      ...others.map(({ kind, count }) => {
        const other = make('span', `num ${kind}`, { 'data-count': String(count) });
        other.append(this.canvas.icon(ICONS[kind]));
        return other;
      }));
    button.querySelector('svg')?.replaceWith(this.canvas.icon(ICONS[worst?.kind ?? 'error']));
    button.title = sentence;
    const needed = blocking && gettext('%(label)s; %(number)s to resolve before activating', { label: sentence, number: blocking });
    button.setAttribute('aria-label', needed || sentence);
    this.fill();
  }

  /** The lines of the list, while it is open: with many steps they cost more than all else on the page. */
  fill() {
    const list = document.getElementById('issues-list');
    if (!list || !(/** @type {any} */ (list.parentElement).open)) return;
    const kinds = this.diagnostics.map((diagnostic) => this.kindOf(diagnostic));
    list.replaceChildren(...this.diagnostics.flatMap((diagnostic, index) => {
      const field = diagnostic.path.replace(/^(nodes|triggers)\[\d+\]\.(data\.)?/, '').replace(/^trigger\./, '');
      const attributes = { type: 'button', 'data-do': 'go-to', 'data-id': diagnostic.nodeId ?? '', 'data-field': field };
      const line = make('button', `mi issue ${kinds[index]}`, attributes);
      const words = make('span', 'grow');
      const title = make('b');
      title.textContent = diagnostic.nodeId ? this.canvas.titleOf(diagnostic.nodeId) : gettext('Workflow');
      const text = make('span', 'd');
      text.textContent = diagnostic.message;
      words.append(title, text);
      line.append(this.canvas.icon(ICONS[kinds[index]]), words, this.canvas.icon('chevron-right'));
      if (!diagnostic.fix || !this.canvas.editable) return [line];
      const fix = make('button', 'mi fix', { type: 'button', 'data-do': 'fix', 'data-index': String(index) });
      fix.append(this.canvas.icon('wand-sparkles'), diagnostic.fix.label);
      return [line, fix];
    }));
    if (!kinds.length) list.textContent = gettext('Nothing is missing. This workflow can be activated.');
  }

  // ---------------------------------------------------------------- modes

  /** Is one way shown, of a run or of a test? Then the panel has its story, and cards are places in it. */
  get walks() {
    return ['person', 'test'].includes(this.canvas.mode);
  }

  /** Let the sample walk through the draft, where people may. @param {string} [until] the step behind which it stops */
  test(until = '') {
    const button = /** @type {HTMLElement | null} */ (document.querySelector('[data-mode-button=test]'));
    this.until = button ? until : '';
    button?.click();
  }

  /** @param {string} mode */
  async enter(mode) {
    const { canvas } = this;
    if (mode !== 'edit' && !this.results) {
      const part = await resultsPart().catch(() => null);
      if (part) this.results ??= new part.Results(canvas, this);
      else canvas.announce(gettext('You are offline. This opens when the connection is back.'), 'err');
      if (!part && canvas.mode === mode) return canvas.setMode('edit');
      if (canvas.mode !== mode) return undefined; // meanwhile another one was chosen
    }
    return this.results?.enter(mode);
  }
}
