// @ts-check
/** The way out for edits that cannot be saved: a file, the clipboard, or giving them up. */
import { gettext } from '../texts.js';

/** @param {{title: string, text: string, name: string, json: string}} copy @returns {Promise<'discard' | 'later'>} */
export function offerCopy({ title, text, name, json }) {
  const dialog = document.createElement('dialog');
  dialog.className = 'dlg';
  dialog.id = 'unsaved-dialog';
  dialog.setAttribute('aria-labelledby', 'unsaved-title');
  dialog.innerHTML = `<div class="dh"><h2 id="unsaved-title"></h2></div><div class="db"><p></p></div>
    <div class="df"><button class="btn ghost" type="button" value="discard">${gettext('Discard')}</button><span class="grow"></span>
    <button class="btn sec" type="button" value="later">${gettext('Later')}</button><button class="btn sec" type="button" data-copy>${gettext('Copy')}</button>
    <a class="btn pri" download>${gettext('Download')}</a></div>`;
  const find = (what) => /** @type {HTMLElement} */ (dialog.querySelector(what));
  find('h2').textContent = title;
  find('.db p').textContent = text;
  find('[data-copy]').dataset.copy = json;
  const link = /** @type {HTMLAnchorElement} */ (find('a'));
  link.href = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  link.download = `${name.replace(/[^\p{L}\p{N} _-]+/gu, '').trim().slice(0, 80) || 'workflow'}.json`;
  document.body.append(dialog);
  dialog.showModal();
  link.focus();
  return new Promise((resolve) => {
    for (const value of ['discard', 'later']) find(`[value=${value}]`).addEventListener('click', () => dialog.close(value));
    dialog.addEventListener('close', () => {
      URL.revokeObjectURL(link.href);
      dialog.remove();
      resolve(dialog.returnValue === 'discard' ? 'discard' : 'later');
    });
  });
}
