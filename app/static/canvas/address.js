// @ts-check
/**
 * The address of the page says what is shown: `mode`, `version` of the results, `run` of the person, the open `step`. Links lead there,
 * Back goes to the view before, and a reload changes nothing. Another view is an entry of the browser's history, another step is not.
 */

const MODES = ['edit', 'results', 'person', 'test'];
const walks = (/** @type {string} */ mode) => mode === 'person' || mode === 'test';

/** @param {string} search @returns {{mode: string, step: string, version: string, run: string}} */
export function viewOf(search) {
  const query = new URLSearchParams(search);
  const mode = query.get('mode') ?? (query.get('run') ? 'person' : 'edit');
  const version = query.get('version') ?? '';
  const run = query.get('run') ?? '';
  return {
    mode: MODES.includes(mode) ? mode : 'edit',
    step: query.get('step') ?? '',
    version: /^\d{1,9}$/.test(version) ? version : '',
    run: /^[0-9a-f-]{36}$/i.test(run) ? run : '',
  };
}

/** The query of a view, '' for the plain one. */
export function searchOf({ mode, step, version, run }) {
  const query = new URLSearchParams();
  if (mode !== 'edit') query.set('mode', mode);
  if (version && mode === 'results') query.set('version', version);
  if (run && mode === 'person') query.set('run', run);
  if (step && mode !== 'person') query.set('step', step);
  return query.size ? `?${query}` : '';
}

export class Address {
  /** @param {import('./flow-canvas.js').FlowCanvas} canvas @param {Window} page */
  constructor(canvas, page = window) {
    this.canvas = canvas;
    this.page = page;
    this.following = false;
    canvas.addEventListener('wf:mode', () => this.note(true));
    canvas.addEventListener('wf:panel', () => this.note(false));
    canvas.addEventListener('wf:overlay', () => this.note(true));
    page.addEventListener('popstate', () => this.follow());
  }

  /** What is shown now. */
  get shown() {
    const { canvas } = this;
    const { about } = canvas.panel;
    const { shownVersion: version, shownRun: run } = canvas.overlay;
    const step = canvas.graph.node(about) || about === 'workflow' ? about : canvas.mode === 'test' ? canvas.overlay.shownStep : '';
    return { mode: canvas.mode, step, version, run };
  }

  /** @param {boolean} another is it another view, to which Back should return? */
  note(another) {
    const { location, history } = this.page;
    if (this.following) return;
    const search = searchOf(this.shown);
    if (search === location.search) return;
    const url = location.pathname + search;
    const plain = (text) => searchOf({ ...viewOf(text), step: '' });
    if (another && plain(search) !== plain(location.search)) history.pushState(null, '', url);
    else history.replaceState(null, '', url);
  }

  /** Has nobody put the focus anywhere? Then the step that the address names takes it, and the keys begin there. */
  get idle() {
    const { activeElement, body } = this.page.document ?? {};
    return !activeElement || activeElement === body || activeElement === this.canvas;
  }

  /** Show what the address says. */
  follow() {
    const { canvas } = this;
    const { mode, step, version, run } = viewOf(this.page.location.search);
    const { overlay } = canvas;
    const other = mode !== canvas.mode || version !== overlay.shownVersion || run !== overlay.shownRun;
    this.following = true;
    Object.assign(overlay, { shownVersion: version, shownRun: run, shownStep: mode === 'test' ? step : '' });
    if (other) canvas.setMode(mode);
    if (step === 'workflow') canvas.panel.openWorkflow();
    else if (canvas.graph.node(step) && mode !== 'test') canvas.select([step], { open: true, focus: this.idle });
    else if (!step && !walks(mode) && canvas.panel.about) canvas.panel.close(false);
    this.following = false;
    if (step && !canvas.graph.node(step) && step !== 'workflow') this.note(false);
  }
}
