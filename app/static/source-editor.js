// @ts-check
/**
 * CodeMirror over a text area of the template editor: HTML or plain text with Liquid in it, lines that wrap, offers while one types.
 * The form reads the text area, which stays, out of sight and out of the way. Tab leaves the editor, as it leaves any field.
 */
import { editorColours, editorTheme, loadCodeMirror } from './code-look.js';
import { liquidOffers } from './template-completion.js';

/** @typedef {{code: string, label: string}[]} Variables */

/** Put an editor over each; none of them when the module cannot be loaded. @param {HTMLTextAreaElement[]} areas
 * @param {Variables} variables @param {string[]} filters @returns {Promise<Map<HTMLTextAreaElement, SourceEditor>>} */
export async function openEditors(areas, variables, filters) {
  const cm = await loadCodeMirror();
  return new Map(areas.map((area) => [area, new SourceEditor(cm, area, variables, filters)]));
}

/** A text in which nothing is marked but the Liquid. */
const plain = (cm) => new cm.LanguageSupport(cm.StreamLanguage.define({ name: 'text', token: (stream) => (stream.skipToEnd(), null) }));

export class SourceEditor {
  /** @param {any} cm @param {HTMLTextAreaElement} area @param {Variables} variables @param {string[]} filters */
  constructor(cm, area, variables, filters) {
    this.cm = cm;
    this.area = area;
    this.variables = variables;
    this.filters = filters;
    this.prose = area.closest('.soft') !== null;
    this.host = document.createElement('div');
    this.host.className = 'source-host';
    this.host.dataset.insertable = '';
    const root = this.host.attachShadow({ mode: 'open' });
    const held = document.activeElement === area;
    const selection = { anchor: area.selectionStart, head: area.selectionEnd };
    area.after(this.host);
    area.classList.add('behind');
    area.tabIndex = -1;
    area.setAttribute('aria-hidden', 'true');
    this.view = new cm.EditorView({ parent: root, root, doc: area.value, selection, extensions: this.extensions() });
    // Keys that are letters belong to the text; those of the page (save, find, leave) go on.
    this.host.addEventListener('keydown', (event) => {
      if (!event.ctrlKey && !event.metaKey && event.key !== 'Escape') event.stopPropagation();
    });
    for (const name of ['keyup', 'copy', 'cut', 'paste', 'input']) this.host.addEventListener(name, (event) => event.stopPropagation());
    area.addEventListener('focus', () => this.view.focus());
    if (held) this.view.focus();
  }

  extensions() {
    const { cm, area, prose } = this;
    const html = area.name === 'html';
    const language = cm.liquid({ base: html ? cm.html() : plain(cm) }).language;
    const sources = [(context) => this.complete(context), ...(html ? [cm.htmlCompletionSource] : [])];
    return [
      cm.history(), cm.drawSelection(), cm.EditorView.lineWrapping, language,
      cm.syntaxHighlighting(editorColours(cm, ofLiquid(cm))), editorTheme(cm, styles(prose)),
      ...(prose ? [] : [cm.lineNumbers(), cm.highlightActiveLine()]),
      ...(html ? [cm.html().support] : []),
      cm.bracketMatching(), cm.autocompletion({ override: sources, icons: false }),
      cm.EditorState.readOnly.of(area.readOnly), cm.EditorView.editable.of(!area.readOnly),
      cm.EditorView.contentAttributes.of({
        tabindex: '0', 'aria-label': area.getAttribute('aria-label') ?? '', ...(area.readOnly ? { 'aria-readonly': 'true' } : {}),
      }),
      cm.keymap.of([...cm.completionKeymap, ...cm.defaultKeymap, ...cm.historyKeymap]),
      cm.EditorView.updateListener.of((update) => update.docChanged && this.changed()),
    ];
  }

  /** The text area holds what is posted, and the page hears of each change as if it had been typed there. */
  changed() {
    this.area.value = this.view.state.doc.toString();
    this.area.dispatchEvent(new Event('input', { bubbles: true }));
  }

  complete(context) {
    const { state, pos } = context;
    const line = state.doc.lineAt(pos);
    const at = pos - line.from;
    const fitting = liquidOffers(line.text.slice(0, at), line.text.slice(at), this.variables, this.filters);
    if (!fitting) return null;
    const { from, to } = fitting.replaces;
    const options = fitting.offers.map(({ label, detail, text, cursor }) => ({
      label, detail,
      apply: (view, _option, start, end) => {
        const moved = end - pos; // what was typed since
        const changes = { from: line.from + from, to: line.from + to + moved, insert: text };
        view.dispatch({ changes, selection: { anchor: line.from + from + cursor }, userEvent: 'input.complete' });
      },
    }));
    return { from: line.from + fitting.from, options, validFor: /^[\p{L}\p{N}_.[\]-]*$/u };
  }

  /** Write at the cursor, over what is selected. @param {string} code */
  insert(code) {
    this.view.dispatch(this.view.state.replaceSelection(code), { userEvent: 'input', scrollIntoView: true });
    this.view.focus();
  }

  /** Underline a line; 0 for none. @param {number} number @param {string} message */
  mark(number, message) {
    const { doc } = this.view.state;
    const line = number ? doc.line(Math.min(number, doc.lines)) : null;
    const diagnostics = line ? [{ from: line.from, to: line.to, severity: 'error', message }] : [];
    this.view.dispatch(this.cm.setDiagnostics(this.view.state, diagnostics));
  }

  focus() {
    this.view.focus();
  }
}

/** What the server fills in stands out from the HTML around it; values of styles do not. @param {any} cm */
const ofLiquid = ({ tags: t }) => [
  { tag: [t.variableName, t.propertyName, t.brace, t.processingInstruction, t.special(t.brace)], color: 'var(--c-logic)' },
  { tag: [t.unit, t.atom], color: 'var(--warn)', fontWeight: '400' },
];

/** The frame around the editor is the page's. @param {boolean} prose */
const styles = (prose) => ({
  '&': { height: '100%', fontSize: prose ? '14px' : '12px', color: 'var(--text)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: prose ? 'var(--font)' : 'var(--mono)', lineHeight: prose ? '21px' : '20px', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--text)', padding: prose ? '10px 4px 20px' : '12px 0 24px' },
});
