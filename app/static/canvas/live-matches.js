// @ts-check
/** How many contacts the conditions of a form match, and whether the sample does, line below them and beside each, some moments after the last key. */
import { placeOf, read, written } from './forms.js';

const QUIET_MS = 350;
const BUSY_MS = 700;
/** In the place of what was asked last: the question before was not answered yet. */
const AGAIN = 'again';
const URL_OF_MATCHES = '/segments/matches';

/** @typedef {{words: string, alone: {path: string, words: string}[], busy: boolean}} Answer */

/** Where the conditions of an editor are below its form, as `audience.`. @param {Element} editor */
const prefixOf = (editor) => (editor.querySelector('[data-list]')?.getAttribute('data-list') ?? '').replace(/conditions$/, '');

/** What an editor says, as JSON; empty while it says nothing. @param {Element} editor */
function ruleOf(editor) {
  const values = read(editor);
  const part = prefixOf(editor) ? values[prefixOf(editor).slice(0, -1)] : values;
  return part?.conditions?.length ? written(part) : '';
}

/** @param {string} url @param {string} rule @param {AbortSignal} signal @returns {Promise<any>} */
async function post(url, rule, signal) {
  const headers = JSON.parse(document.body.getAttribute('hx-headers:inherited') ?? '{}');
  const answer = await fetch(url, { method: 'POST', body: new URLSearchParams({ rule }), headers, signal, redirect: 'error' });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

export class LiveMatches {
  /** @param {HTMLElement} root holds one form at a time */
  constructor(root) {
    this.root = root;
    /** @type {AbortController | null} */
    this.question = null;
    /** What was asked last of each editor, so that a key which changes nothing asks nothing. @type {WeakMap<Element, string>} */
    this.rules = new WeakMap();
    document.addEventListener('wf:sample', () => {
      this.rules = new WeakMap();
      this.soon(0);
    });
  }

  /** The form is another one, or what it says has changed. */
  soon(wait = QUIET_MS) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), wait);
  }

  /** The editors of conditions that are shown: one of a form, or one of each case. @returns {HTMLElement[]} */
  get editors() {
    const editors = /** @type {HTMLElement[]} */ ([...this.root.querySelectorAll('.rows:has(> [data-matches])')]);
    return editors.filter((one) => !one.closest('[hidden]'));
  }

  /** One question after the other: the server answers a person one at a time. */
  async ask() {
    this.question?.abort();
    const { signal } = (this.question = new AbortController());
    for (const editor of this.editors) {
      if (signal.aborted) return;
      const rule = ruleOf(editor);
      if (this.rules.get(editor) === rule) continue;
      if (rule) {
        await this.count(editor, rule, signal);
        await this.judge(editor, rule, signal);
      } else {
        this.show(editor, { words: '', alone: [], busy: false });
        this.showSample(editor, '');
      }
      if (!signal.aborted && this.rules.get(editor) !== AGAIN) this.rules.set(editor, rule);
    }
  }

  /** @param {HTMLElement} editor @param {string} rule @param {AbortSignal} signal */
  async count(editor, rule, signal) {
    this.rules.delete(editor);
    try {
      this.show(editor, await post(URL_OF_MATCHES, rule, signal));
    } catch {
      if (!signal.aborted) this.show(editor, { words: '', alone: [], busy: false }); // no number is better than an old one
    }
  }

  /** Does the sample of the workflow meet them? @param {HTMLElement} editor @param {string} rule @param {AbortSignal} signal */
  async judge(editor, rule, signal) {
    const workflow = /** @type {any} */ (document.querySelector('flow-canvas'))?.workflow;
    if (!workflow || signal.aborted) return;
    try {
      const { words, held } = await post(`/workflows/${workflow}/sample-matches`, rule, signal);
      this.showSample(editor, words, held);
    } catch {
      if (!signal.aborted) this.showSample(editor, '');
    }
  }

  /** @param {HTMLElement} editor @param {string} words @param {boolean | null} [held] */
  showSample(editor, words, held = null) {
    const below = editor.querySelector(':scope > [data-matches]');
    let line = /** @type {HTMLElement | null} */ (editor.querySelector(':scope > .of-sample'));
    if (!words) return line?.remove();
    if (!line) {
      line = document.createElement('p');
      line.className = 'matches of-sample';
      line.dir = 'auto';
      below?.after(line);
    }
    line.dataset.held = held === null ? '' : String(held);
    if (line.textContent !== words) line.textContent = words;
  }

  /** @param {HTMLElement} editor @param {Answer} answer */
  show(editor, { words, alone, busy }) {
    if (!editor.isConnected) return;
    if (busy) {
      this.rules.set(editor, AGAIN);
      return this.soon(BUSY_MS);
    }
    const line = /** @type {HTMLElement} */ (editor.querySelector(':scope > [data-matches]'));
    if (line.textContent !== words) line.textContent = words;
    for (const old of editor.querySelectorAll('[data-alone-count]')) old.remove();
    if (alone.length === 1 && words) return;
    for (const one of alone) {
      const { scope, below } = placeOf(editor, `${prefixOf(editor)}${one.path}`);
      if (below || !scope.matches('[data-item]')) continue;
      const text = document.createElement('span');
      text.className = 'alone';
      text.dataset.aloneCount = '';
      text.textContent = one.words;
      scope.querySelector('.tools')?.before(text);
    }
  }
}
