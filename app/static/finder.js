// @ts-check
/**
 * Find anything, and the keys of the page. The palette is in the page: it opens with the focus in its field at once, and takes what is typed
 * while `command-palette.js`, which fills it, is loaded.
 */

import { holdKeys } from './held-keys.js';
import { gettext } from './texts.js';

const part = () => import('./command-palette.js');
const frame = () => /** @type {HTMLDialogElement | null} */ (document.getElementById('command-palette'));
const refuse = () => document.dispatchEvent(new CustomEvent('toast', {
  detail: { text: gettext('The server did not answer. Nothing was changed; try again.'), kind: 'err' },
}));

/** Is it asked for by Enter before anything is listed? Then that is what `command-palette.js` begins with. */
function keepEnter(/** @type {KeyboardEvent} */ event) {
  if (event.key !== 'Enter' || event.isComposing) return;
  event.preventDefault();
  frame()?.setAttribute('data-entered', '');
}

/** Open the palette, with what was looked for last taken out. */
export function openPalette() {
  const dialog = frame();
  const input = dialog?.querySelector('input');
  if (!dialog || !input || document.querySelector('dialog[open]')) return;
  input.value = '';
  delete dialog.dataset.entered;
  dialog.showModal();
  input.focus();
  if (!('filled' in dialog.dataset)) input.addEventListener('keydown', keepEnter);
  part().then(({ fill }) => {
    input.removeEventListener('keydown', keepEnter);
    if (dialog.open) fill(dialog);
  }, () => {
    dialog.close();
    refuse();
  });
}

/** Show which keys the page knows. */
export async function openShortcuts() {
  const release = holdKeys();
  try {
    await (await part()).openShortcuts();
  } catch {
    refuse();
  } finally {
    release();
  }
}
