// @ts-check
/** A text with chips is no longer than its field may be: what is typed or pasted ends there, as in the field itself. */
import { gettext } from '../texts.js';

/** The beginning of what is inserted that there is room for; a letter of two units is not cut in half. @param {string} text @param {number} room */
export function fitting(text, room) {
  const part = text.slice(0, Math.max(0, room));
  return part.length < text.length && /[\uD800-\uDBFF]$/.test(part) ? part.slice(0, -1) : part;
}

/** @param {any} cm CodeMirror @param {{maxLength: number}} area the field @param {(text: string) => void} say tells a screen reader */
export function lengthLimit(cm, area, say) {
  return cm.EditorState.transactionFilter.of((transaction) => {
    const { changes, newDoc, startState } = transaction;
    const surplus = newDoc.length - area.maxLength;
    // Undo brings back what was there, and what a script writes is its own business.
    if (area.maxLength < 0 || surplus <= 0 || newDoc.length <= startState.doc.length || !transaction.isUserEvent('input')) return transaction;
    say(gettext('The text is full: %(number)s characters at most.', { number: area.maxLength }));
    /** @type {{from: number, to: number, text: string}[]} */
    const parts = [];
    changes.iterChanges((from, to, _from, _to, inserted) => parts.push({ from, to, text: inserted.toString() }));
    if (parts.length > 1 || transaction.isUserEvent('input.chip')) return []; // half a variable is none
    const [{ from, to, text }] = parts;
    const insert = fitting(text, text.length - surplus);
    return { changes: { from, to, insert }, selection: { anchor: from + insert.length }, scrollIntoView: true, userEvent: 'input' };
  });
}
