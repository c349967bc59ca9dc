// @ts-check
/** How CodeMirror looks here: the colours of words and the frame, by the tokens of the theme. Its styles live in the shadow root of each
 * editor, where they need no exception from the content policy. */

/** The editor, when it is first needed: 210 KB on the wire, kept by the browser for good. @returns {Promise<any>} */
export const loadCodeMirror = () => import('/static/vendor/codemirror-6.43.15-1/codemirror.js');

/** @param {any} cm the module @param {{tag: any, [style: string]: any}[]} [more] of one kind of editor */
export function editorColours(cm, more = []) {
  const { tags: t } = cm;
  return cm.HighlightStyle.define([
    { tag: [t.keyword, t.controlKeyword, t.operatorKeyword, t.definitionKeyword, t.moduleKeyword], color: 'var(--accent)', fontWeight: '600' },
    { tag: [t.string, t.special(t.string), t.regexp, t.attributeValue], color: 'var(--ok)' },
    { tag: [t.number, t.bool, t.null, t.self, t.attributeName], color: 'var(--warn)' },
    { tag: [t.tagName, t.angleBracket], color: 'var(--accent)' },
    { tag: [t.comment, t.documentMeta], color: 'var(--text-3)', fontStyle: 'italic' },
    { tag: [t.function(t.variableName), t.function(t.propertyName)], fontWeight: '600' },
    { tag: [t.invalid], color: 'var(--err)' },
    ...more,
  ]);
}

/** @param {any} cm the module @param {Record<string, any>} [more] styles of one kind of editor, which win */
export function editorTheme(cm, more = {}) {
  return cm.EditorView.theme({
    '&': {
      fontSize: '12.5px', color: 'var(--text)', backgroundColor: 'var(--field)', borderRadius: '8px', height: '100%',
      border: '1px solid var(--line-strong)',
    },
    '&.cm-focused': { outline: '2px solid var(--ring)', outlineOffset: '1px' },
    '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '19px', minHeight: '220px', maxHeight: 'var(--code-height, 420px)' },
    '.cm-content': { caretColor: 'var(--text)', padding: '8px 0' },
    '.cm-cursor': { borderLeftColor: 'var(--text)' },
    '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--text-3)', border: '0' },
    '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--hover) 60%, transparent)' },
    '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--accent-soft)' },
    '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--line-strong)' },
    '.cm-tooltip': {
      backgroundColor: 'var(--raised)', color: 'var(--text)', border: '1px solid var(--line-2)', borderRadius: '8px', overflow: 'hidden', zIndex: '100',
    },
    '.cm-tooltip-autocomplete ul li': { padding: '4px 8px', fontFamily: 'var(--mono)' },
    '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent-soft)', color: 'var(--text)' },
    '.cm-completionDetail': { color: 'var(--text-3)', fontStyle: 'normal', marginLeft: '12px' },
    '.cm-completionIcon': { display: 'none' },
    '.cm-diagnostic': { fontFamily: 'var(--font)', fontSize: '12px', padding: '6px 10px', borderLeft: '3px solid var(--err)' },
    '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--err) 1px', textUnderlineOffset: '3px' },
    ...more,
  });
}
