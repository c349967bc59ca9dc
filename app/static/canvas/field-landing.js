// @ts-check
/** A field that is dragged out of the tree: where it can land is lit, and where it is let go it is written. Touch taps instead. */
import { pathInText } from './forms.js';
import { takesVariables } from './variable-texts.js';

export class Landing {
  /** @param {HTMLElement} list of what can be dragged @param {(option: HTMLElement) => string} pathOf
   * @param {(text: any, path: string) => void} insert writes it at the cursor of a text */
  constructor(list, pathOf, insert) {
    this.insert = insert;
    /** What is on its way. */
    this.path = '';
    list.addEventListener('dragstart', (event) => {
      this.path = pathOf(/** @type {any} */ (event.target));
      event.dataTransfer?.setData('text/plain', `{{ ${pathInText(this.path)} }}`);
    });
    list.addEventListener('dragend', () => this.end());
    document.addEventListener('dragover', (event) => this.hover(event), true);
    document.addEventListener('drop', (event) => this.drop(event), true);
  }

  end() {
    this.path = '';
    this.light(null);
  }

  /** @param {Element | null} frame */
  light(frame) {
    for (const lit of document.querySelectorAll('.fld.lands')) if (lit !== frame) lit.classList.remove('lands');
    frame?.classList.add('lands');
  }

  /** The text under the pointer. @param {DragEvent} event @returns {any} */
  textAt(event) {
    const frame = this.path && /** @type {any} */ (event.target).closest?.('.fld');
    return frame ? [...frame.querySelectorAll('input, textarea')].find(takesVariables) ?? null : null;
  }

  /** @param {DragEvent} event */
  hover(event) {
    if (!this.path) return;
    const text = this.textAt(event);
    this.light(text?.closest('.fld') ?? null);
    if (!text) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
  }

  /** @param {DragEvent} event */
  drop(event) {
    const text = this.textAt(event);
    if (!text) return;
    event.preventDefault();
    event.stopPropagation();
    const { path } = this;
    this.end();
    const shown = text.chips ?? text;
    const at = shown.positionAt?.(event) ?? caretAt(shown, event);
    shown.setSelectionRange(at, at);
    this.insert(shown, path);
  }
}

/** Where in a text the pointer is; its end where the browser does not say. @param {any} text @param {MouseEvent} event */
function caretAt(text, event) {
  const caret = /** @type {any} */ (document).caretPositionFromPoint?.(event.clientX, event.clientY);
  return caret?.offsetNode === text ? caret.offset : text.value.length;
}
