/** Chips over a field keep to what the field allows, and are seen where the browser's colours are forced. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as cm from '../../app/static/vendor/codemirror-6.43.15-1/codemirror.js';
import { chipMarks, chipStyles } from '../../app/static/canvas/chip-marks.js';
import { fitting, lengthLimit } from '../../app/static/canvas/chip-limit.js';

/** A text of at most 20 letters, and what was said of it. @param {string} doc */
function limited(doc) {
  const heard = [];
  const state = cm.EditorState.create({ doc, extensions: [lengthLimit(cm, { maxLength: 20 }, (text) => heard.push(text))] });
  const after = (insert, userEvent, from = state.doc.length) =>
    state.update({ changes: { from, insert }, selection: { anchor: from + insert.length }, userEvent }).state;
  return { after, heard };
}

test('what is typed or pasted ends where the field is full', () => {
  const { after, heard } = limited('{{ event.a }} and');
  assert.equal(after('abc', 'input.type').doc.toString(), '{{ event.a }} andabc');
  assert.equal(heard.length, 0);
  const pasted = after('x'.repeat(50), 'input.paste');
  assert.equal(pasted.doc.toString(), '{{ event.a }} andxxx');
  assert.equal(pasted.selection.main.head, 20);
  assert.equal(heard.length, 1);
  assert.equal(after('xxxxx', 'input.paste', 0).doc.toString(), 'xxx{{ event.a }} and');
});

test('a variable comes whole or not at all, and what a script or undo writes is not cut', () => {
  const { after } = limited('{{ event.a }} and');
  assert.equal(after('{{ event.b }}', 'input.chip').doc.toString(), '{{ event.a }} and');
  for (const other of ['set', 'undo']) assert.equal(after('x'.repeat(9), other).doc.length, 26, other);
});

test('a text that is too long already can be made shorter', () => {
  const { after, heard } = limited('x'.repeat(30));
  assert.equal(after('y', 'input.type').doc.length, 30);
  const state = cm.EditorState.create({ doc: 'x'.repeat(30), extensions: [lengthLimit(cm, { maxLength: 20 }, (text) => heard.push(text))] });
  assert.equal(state.update({ changes: { from: 0, to: 5 }, userEvent: 'delete' }).state.doc.length, 25);
});

test('a letter of two units is not cut in half', () => {
  assert.equal(fitting('a😀', 2), 'a');
  assert.equal(fitting('a😀', 3), 'a😀');
  assert.equal(fitting('abc', -4), '');
});

test('with forced colours a chip has a frame, and the selected one another', () => {
  const rules = cm.EditorView.theme(chipStyles(true, 1)).flat().map(({ value }) => value?.getRules?.() ?? '').join('\n');
  const [, forced] = rules.split('@media (forced-colors: active)');
  assert.match(forced, /\.chip\.sel \{outline: 2px solid Highlight;\}/);
  assert.match(forced, /\.chip\.odd \{outline-style: dashed;\}/);
});

test('a step of the cursor looks no name up, however many chips there are', () => {
  let lookUps = 0;
  const querySelectorAll = () => ((lookUps += 1), []);
  Object.assign(globalThis, { CSS: { escape: String }, document: { getElementById: () => null, querySelector: () => null, querySelectorAll } });
  const field = chipMarks(cm, /** @type {any} */ ({}));
  let state = cm.EditorState.create({ doc: 'Hi {{ event.a }} and {{ event.b }}', extensions: [field] });
  assert.ok(lookUps > 0);
  lookUps = 0;
  const move = (anchor, head = anchor) => (state = state.update({ selection: { anchor, head } }).state).field(field);
  const before = state.field(field);
  assert.equal(move(1), before, 'nothing is drawn anew');
  assert.equal(move(3, 16).selected, 0);
  assert.equal(move(21, 34).selected, 1);
  assert.equal(move(0).selected, -1);
  assert.equal(lookUps, 0);
  state = state.update({ changes: { from: 0, insert: '{{ event.c }}' } }).state;
  assert.equal(state.field(field).faces.length, 3);
  assert.ok(lookUps > 0);
});
