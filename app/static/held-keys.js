// @ts-check
/**
 * Keys that are pressed while what they are meant for is still being loaded: they wait, and act on nothing of the page. Then they go into the
 * field that has come, in their order.
 */

const FIELD = 'input, textarea, select, [contenteditable=plaintext-only], [contenteditable=true]';
const isField = (/** @type {EventTarget | null} */ target) => target instanceof Element && !!target.closest(FIELD);

/** Does a key of this event write, or choose what was written? @param {KeyboardEvent} event */
export const waits = (event) => !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing
  && ([...event.key].length === 1 || event.key === 'Enter' || event.key === 'Backspace' || event.key === 'Delete');

/** Hold keys from now on. @param {Document} [page] @returns {() => void} lets them go, once, to the field that has the focus by then */
export function holdKeys(page = document) {
  /** @type {string[]} */
  const held = [];
  const stop = new AbortController();
  page.addEventListener('keydown', (event) => {
    if (isField(event.target) || !waits(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    held.push(event.key);
  }, { capture: true, signal: stop.signal });
  return () => {
    stop.abort();
    for (const key of held.splice(0)) {
      if (!isField(page.activeElement)) return;
      if (key === 'Backspace') page.execCommand('delete');
      else if ([...key].length === 1) page.execCommand('insertText', false, key);
      else page.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    }
  };
}
