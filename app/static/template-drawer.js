// @ts-check
/** A template made or changed in a drawer over the builder, which then has it chosen. The editor is a document of its own in a frame; it says
 * by messages that it was saved, or that somebody wants to leave it. Loaded when a drawer is first opened. */
import { ask } from './shell.js';
import { gettext } from './texts.js';

/** @param {HTMLIFrameElement} frame */
const isUnsaved = (frame) => frame.contentDocument?.querySelector('#unsaved')?.hasAttribute('hidden') === false;

/** The address of the editor: of what is chosen now, or of a new template. @param {HTMLAnchorElement} link @param {HTMLFormElement | null} form */
function addressOf(link, form) {
  const address = new URL(link.href);
  const { drawerOf } = link.dataset;
  if (drawerOf) address.pathname = `/templates/${/** @type {any} */ (form?.elements.namedItem(drawerOf)).value}`;
  address.searchParams.set('drawer', '1');
  return address.href;
}

/** Choose the saved template in the form, as if a person had; what is shown of it is shown anew.
 * @param {HTMLFormElement} form @param {{id: string, name: string}} template */
function choose(form, { id, name }) {
  const select = /** @type {HTMLSelectElement} */ (form.elements.namedItem('templateId'));
  const option = [...select.options].find((one) => one.value === id);
  if (option) option.textContent = name;
  else select.add(new Option(name, id));
  if (select.value === id) document.body.dispatchEvent(new CustomEvent('wf:template'));
  select.value = id;
  select.dispatchEvent(new Event('change', { bubbles: true }));
}

/** @param {HTMLAnchorElement} link that was pressed, in the form of a step */
export function openDrawer(link) {
  const form = link.closest('form');
  const dialog = document.createElement('dialog');
  dialog.className = 'drawer';
  dialog.setAttribute('aria-label', link.textContent?.trim() ?? '');
  const frame = document.createElement('iframe');
  frame.title = dialog.getAttribute('aria-label') ?? '';
  frame.src = addressOf(link, form);
  dialog.append(frame);

  const leave = async () => {
    const words = gettext('What you wrote in it goes.');
    const options = { title: gettext('Leave the template unsaved?'), verb: gettext('Leave it'), danger: true };
    if (!isUnsaved(frame) || (await ask(words, options))) dialog.close();
    else frame.contentWindow?.focus();
  };
  /** @param {MessageEvent} event */
  const heard = ({ origin, source, data }) => {
    if (origin !== location.origin || source !== frame.contentWindow) return;
    if (data.kind === 'leave') leave();
    if (data.kind !== 'saved') return;
    dialog.close();
    if (form?.isConnected) choose(form, data.template);
    document.dispatchEvent(new CustomEvent('toast', { detail: { text: gettext('Template saved.'), kind: 'ok' } }));
  };
  addEventListener('message', heard);
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    leave();
  });
  dialog.addEventListener('keydown', (event) => event.stopPropagation()); // the canvas has keys of its own
  dialog.addEventListener('click', (event) => event.target === dialog && leave());
  dialog.addEventListener('close', () => {
    removeEventListener('message', heard);
    dialog.remove();
    if (link.isConnected) link.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  frame.addEventListener('load', () => /** @type {any} */ (frame.contentDocument?.querySelector('#template input:not([type=hidden])'))?.focus());
  frame.focus();
}
