// @ts-check
/** The notes on the canvas. */
import { make } from './elements.js';
import { gettext } from '../texts.js';

/** Bring the notes in line with the graph; one that stays keeps its element. @param {import('./flow-canvas.js').FlowCanvas} canvas
 * @param {import('./scene.js').Scene} scene */
export function drawNotes(canvas, scene) {
  const { graph, editable } = canvas;
  for (const [id, element] of scene.notes) {
    if (graph.notes.has(id)) continue;
    element.remove();
    scene.notes.delete(id);
    scene.boxes.delete(id);
  }
  for (const note of graph.notes.values()) {
    let element = scene.notes.get(note.id);
    if (!element) {
      element = /** @type {HTMLElement} */ (make('div', 'note', { 'data-id': note.id, tabindex: '-1', role: 'group', 'aria-label': gettext('Note') }));
      const text = make('div', 'note-text', { role: 'textbox', 'aria-multiline': 'true', 'aria-label': gettext('Text of the note'), tabindex: '0',
        'data-hint': gettext('Write a note') });
      element.append(text, make('span', 'note-size', { 'aria-hidden': 'true' }));
      scene.noteLayer.append(element);
      scene.notes.set(note.id, element);
    }
    const text = /** @type {HTMLElement} */ (element.firstElementChild);
    text.contentEditable = editable ? 'plaintext-only' : 'false';
    if (document.activeElement !== text && text.textContent !== note.text) text.textContent = note.text;
    if (!scene.held?.has(note.id)) scene.boxes.set(note.id, { ...note.position, w: note.width, h: note.height });
    scene.dirty.notes.add(note.id);
  }
}
