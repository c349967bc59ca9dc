// @ts-check
/**
 * The editor of the step Code: CodeMirror over the plain text area, and a bench beside it that runs the code on sample data.
 * It lives in a shadow root, where its styles need no exception from the content policy. Tab indents; Escape, then Tab, leaves.
 */
import { guarded } from './session.js';
import { suggestions } from './code-completion.js';
import { editorColours, editorTheme, loadCodeMirror } from './code-look.js';
import { styled } from './style-sheet.js';
import { gettext } from './texts.js';

const CHECK_MS = 700;

/** @param {HTMLFormElement} form */
export async function enhance(form) {
  const field = /** @type {HTMLTextAreaElement | null} */ (form.querySelector('textarea[name=code]'));
  const bench = /** @type {HTMLElement | null} */ (form.querySelector('[data-code-bench]'));
  if (!field || !bench || 'enhanced' in form.dataset) return;
  form.dataset.enhanced = ''; // a panel may become ready twice
  await styled(new URL('./code-editor.css', import.meta.url).href);
  const box = new CodeBox(form, field, bench);
  if (!field.disabled) box.openBench();
  await box.openEditor();
}

class CodeBox {
  /** @param {HTMLFormElement} form @param {HTMLTextAreaElement} field @param {HTMLElement} bench */
  constructor(form, field, bench) {
    this.form = form;
    this.field = field;
    this.bench = bench;
    this.language = /** @type {HTMLSelectElement} */ (form.querySelector('[name=language]'));
    this.base = `/workflows/${/** @type {any} */ (document.querySelector('flow-canvas')).workflow}/code`;
    this.data = /** @type {HTMLTextAreaElement} */ (bench.querySelector('[data-code-data]'));
    this.result = /** @type {HTMLElement} */ (bench.querySelector('[data-code-result]'));
    this.source = /** @type {HTMLSelectElement} */ (bench.querySelector('[data-code-source]'));
    this.contact = /** @type {HTMLInputElement} */ (bench.querySelector('[data-code-contact]'));
    /** @type {any} */
    this.view = null;
    this.timer = 0;
  }

  // ---- the bench

  openBench() {
    const { bench } = this;
    bench.hidden = false;
    // Nothing here is a setting of the step.
    for (const name of ['input', 'change']) bench.addEventListener(name, (event) => event.stopPropagation());
    this.source.addEventListener('change', () => this.fetchSample());
    this.contact.addEventListener('change', () => this.fetchSample());
    this.contact.addEventListener('keydown', (event) => event.key === 'Enter' && event.preventDefault());
    bench.querySelector('[data-code-run]')?.addEventListener('click', () => this.run());
    this.data.addEventListener('keydown', (event) => this.runs(event) && this.run());
    this.language.addEventListener('change', () => this.changeLanguage());
    this.form.querySelector('[data-code-large]')?.addEventListener('click', () => this.enlarge());
    this.fetchSample();
  }

  /** Ctrl or Cmd with Enter. @param {KeyboardEvent} event */
  runs(event) {
    const wanted = event.key === 'Enter' && (event.ctrlKey || event.metaKey);
    if (wanted) event.preventDefault();
    return wanted;
  }

  async fetchSample() {
    const source = this.source.value;
    const chosen = /** @type {HTMLElement} */ (this.contact.closest('.f'));
    chosen.hidden = source !== 'contact';
    if (source === 'contact' && !this.contact.value.trim()) return this.contact.focus();
    const query = new URLSearchParams({ source, node: this.form.dataset.about ?? '', contact: this.contact.value });
    const answer = await fetch(`${this.base}/sample?${query}`, { headers: { Accept: 'application/json' }, redirect: 'error' }).catch(() => null);
    const about = /** @type {HTMLElement} */ (this.bench.querySelector('[data-code-about]'));
    if (!answer?.ok) {
      about.textContent = gettext('The sample could not be fetched. Write one yourself.');
      return;
    }
    const sample = await answer.json();
    about.textContent = sample.about || gettext('Nobody is here yet: an empty sample.');
    if (sample.data.contact !== undefined) this.data.value = JSON.stringify(sample.data, null, 2);
  }

  sample() {
    try {
      return JSON.parse(this.data.value);
    } catch {
      return {};
    }
  }

  body() {
    const timeout = /** @type {HTMLInputElement} */ (this.form.querySelector('[name=timeoutMs]'));
    const milliseconds = String(Math.min(Math.max(Math.round(Number(timeout.value)) || 2000, 10), 10000));
    return new URLSearchParams({ language: this.language.value, code: this.code(), milliseconds, data: this.data.value });
  }

  code() {
    return this.view ? this.view.state.doc.toString() : this.field.value;
  }

  /** @param {string} path */
  async ask(path) {
    const proof = JSON.parse(document.body.getAttribute('hx-headers:inherited') ?? '{}');
    const request = { method: 'POST', headers: proof, body: this.body() };
    return guarded(`${this.base}/${path}`, request, (action, sent) => fetch(action, sent), undefined, path === 'check').catch(() => null);
  }

  async run() {
    const button = /** @type {HTMLButtonElement} */ (this.bench.querySelector('[data-code-run]'));
    if (button.disabled) return;
    button.disabled = true;
    this.result.setAttribute('aria-busy', 'true');
    const answer = await this.ask('run');
    button.disabled = false;
    this.result.removeAttribute('aria-busy');
    if (!answer?.ok) {
      this.result.textContent = answer?.status === 503
        ? gettext('Too much code is being run just now. Try again in a moment.')
        : gettext('The code could not be run just now.');
      return;
    }
    this.result.innerHTML = await answer.text(); // rendered and escaped by the server, as every page
    const outcome = /** @type {HTMLElement} */ (this.result.firstElementChild);
    const message = outcome.querySelector('[data-message]')?.textContent ?? '';
    this.mark(message ? { error: message, line: Number(outcome.dataset.line) || 0, column: Number(outcome.dataset.column) || 0 } : null);
    this.result.scrollIntoView({ block: 'nearest' });
  }

  // ---- the editor

  async openEditor() {
    let cm;
    try {
      cm = await loadCodeMirror();
    } catch {
      return; // the text area does
    }
    if (!this.field.isConnected) return;
    const { field } = this;
    const host = document.createElement('div');
    host.className = 'code-host';
    const root = host.attachShadow({ mode: 'open' });
    /** @type {HTMLElement} */ (field.closest('.fld')).after(host);
    // The form reads the text area, and reads nothing that is hidden: it stays, out of sight and out of the way.
    /** @type {HTMLElement} */ (field.closest('.fld')).classList.add('sr');
    field.tabIndex = -1;
    field.setAttribute('aria-hidden', 'true');
    this.cm = cm;
    this.spoken = new cm.Compartment();
    this.view = new cm.EditorView({ parent: root, root, doc: field.value, extensions: this.extensions() });
    for (const name of ['keydown', 'keyup', 'copy', 'cut', 'paste', 'input']) host.addEventListener(name, (event) => event.stopPropagation());
    field.addEventListener('focus', () => this.view.focus());
    field.closest('.f')?.querySelector('label')?.addEventListener('click', () => this.view.focus());
    this.checkSoon();
  }

  extensions() {
    const { cm, field } = this;
    const locked = field.disabled;
    return [
      cm.lineNumbers(), cm.history(), cm.drawSelection(), cm.indentOnInput(), cm.bracketMatching(), cm.closeBrackets(), cm.highlightActiveLine(),
      cm.autocompletion({ override: [(context) => this.complete(context)] }),
      cm.lintGutter(), cm.syntaxHighlighting(editorColours(cm)), editorTheme(cm), cm.EditorView.lineWrapping,
      cm.EditorState.readOnly.of(locked), cm.EditorView.editable.of(!locked),
      cm.EditorView.contentAttributes.of({ 'aria-label': gettext('Code') }),
      cm.keymap.of([
        { key: 'Mod-Enter', run: () => (this.run(), true) },
        ...cm.closeBracketsKeymap, ...cm.defaultKeymap.filter((one) => one.key !== 'Mod-Enter'), ...cm.historyKeymap, ...cm.completionKeymap, cm.indentWithTab,
      ]),
      cm.EditorView.updateListener.of((update) => update.docChanged && this.changed()),
      cm.EditorView.domEventHandlers({ blur: () => this.commit() }),
      this.spoken.of(this.grammar()),
    ];
  }

  grammar() {
    const { cm } = this;
    return this.language.value === 'python' ? [cm.python(), cm.indentUnit.of('    ')] : [cm.javascript(), cm.indentUnit.of('  ')];
  }

  changeLanguage() {
    this.view?.dispatch({ effects: this.spoken.reconfigure(this.grammar()) });
    this.mark(null);
    this.checkSoon();
  }

  complete(context) {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const fitting = suggestions(before, this.sample(), this.language.value);
    if (!fitting?.options.length || (!context.explicit && !/[\w.['"]$/.test(before))) return null;
    const from = line.from + fitting.from;
    const typed = /^(\.|\[["']?)/.exec(before.slice(fitting.from))?.[0] ?? '';
    const options = fitting.options.map((one) => ({
      label: typed + one.label, displayLabel: one.label, detail: one.detail, type: 'property',
      apply: (view, _option, start, end) => {
        const behind = view.state.doc.sliceString(end, end + 2);
        const closing = one.apply.startsWith('[') ? (/^["']?\]/.exec(behind)?.[0].length ?? (/^["']/.test(behind) ? 1 : 0)) : 0;
        const selection = { anchor: start + one.apply.length };
        view.dispatch({ changes: { from: start, to: end + closing, insert: one.apply }, selection, userEvent: 'input.complete' });
      },
    }));
    return { from, options, validFor: /^(\.|\[["']?)?\w*$/ };
  }

  /** The text area holds what is stored; it is told at once, and the step when writing pauses or ends. */
  changed() {
    this.field.value = this.code();
    this.field.dispatchEvent(new Event('input', { bubbles: true }));
    this.mark(null);
    this.checkSoon();
  }

  commit() {
    if (this.field.isConnected) this.field.dispatchEvent(new Event('change', { bubbles: true }));
  }

  checkSoon() {
    clearTimeout(this.timer);
    if (this.field.disabled) return;
    this.timer = setTimeout(() => this.check(), CHECK_MS);
  }

  async check() {
    const code = this.code();
    const answer = await this.ask('check');
    if (!answer?.ok || code !== this.code() || !this.field.isConnected) return;
    const fault = await answer.json();
    this.mark(fault.error ? fault : null);
  }

  /** Underline what is wrong; null for nothing. @param {{error: string, line?: number, column?: number} | null} fault */
  mark(fault) {
    const { view, cm } = this;
    if (!view) return;
    const { doc } = view.state;
    const diagnostics = [];
    if (fault?.line) {
      const line = doc.line(Math.min(Math.max(1, fault.line), doc.lines));
      const first = line.from + (/^\s*/.exec(line.text)?.[0].length ?? 0);
      const from = fault.column && fault.column > 1 ? Math.min(line.from + fault.column - 1, Math.max(first, line.to - 1)) : first;
      diagnostics.push({ from, to: line.to, severity: 'error', message: fault.error });
    }
    view.dispatch(cm.setDiagnostics(view.state, diagnostics));
  }

  // ---- large

  enlarge() {
    const dialog = /** @type {HTMLDialogElement} */ (this.form.querySelector('[data-code-dialog]'));
    const box = /** @type {HTMLElement} */ (this.form.querySelector('[data-code-box]'));
    const home = /** @type {HTMLElement} */ (box.parentElement);
    /** @type {HTMLElement} */ (dialog.querySelector('[data-code-place]')).append(box);
    dialog.showModal();
    this.view?.focus();
    dialog.addEventListener('keydown', (event) => event.stopPropagation());
    const close = () => dialog.close();
    dialog.querySelector('[data-code-close]')?.addEventListener('click', close, { once: true });
    dialog.addEventListener('close', () => {
      home.prepend(box);
      this.commit();
      /** @type {HTMLElement | null} */ (this.form.querySelector('[data-code-large]'))?.focus();
    }, { once: true });
  }
}
