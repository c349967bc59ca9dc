// @ts-check
/** What is wrong with a field, in our words below it, instead of the browser's bubble. Loaded when a form is first refused. */
import { gettext } from './texts.js';

const SPRITE = '/static/vendor/lucide-1.62.0/sprite.svg';
let timer = 0;

/**
 * What to say about a control that the browser refuses. Knows no DOM.
 * @param {Partial<ValidityState>} validity
 * @param {{type?: string, min?: string, max?: string, minLength?: number, title?: string, validationMessage?: string}} control
 */
export function refusal(validity, { type = 'text', min = '', max = '', minLength = 0, title = '', validationMessage = '' }) {
  if (validity.customError && validationMessage) return validationMessage;
  if (validity.valueMissing) {
    if (type === 'checkbox') return gettext('Tick this to continue.');
    if (type === 'file') return gettext('Choose a file.');
    return type === 'radio' || type.startsWith('select') ? gettext('Choose one.') : gettext('Fill this in.');
  }
  if (validity.badInput) return type === 'number' ? gettext('Write a number.') : gettext('This is not complete.');
  if (validity.typeMismatch && type === 'email') return gettext('Write an email address, like ada@example.com.');
  if (validity.typeMismatch) return gettext('Write an address that begins with https://.');
  if (validity.rangeUnderflow) return gettext('Not below %(min)s.', { min });
  if (validity.rangeOverflow) return gettext('Not above %(max)s.', { max });
  if (validity.tooShort) return gettext('At least %(number)s characters.', { number: minLength });
  if (validity.stepMismatch) return gettext('Write a whole number.');
  return title || gettext('This does not fit.');
}

/** @param {any} control */
function forget(control) {
  const note = document.getElementById(control.dataset.refused ?? '');
  control.removeAttribute('aria-invalid');
  control.setAttribute('aria-describedby', (control.getAttribute('aria-describedby') ?? '').replace(control.dataset.refused, '').trim());
  if (!control.getAttribute('aria-describedby')) control.removeAttribute('aria-describedby');
  delete control.dataset.refused;
  note?.remove();
}

/** The controls of its form in their order; events of several come in any. @param {any} control @returns {any[]} */
const beside = (control) => [...(control.form?.elements ?? [control])];

/** Say below a control what is wrong with it, until it is right; the first of a form gets the focus. @param {any} refused */
export function showRefusal(refused) {
  // Radios of a group are refused together, and it is said once, of the first.
  const control = refused.type === 'radio' ? (beside(refused).find((one) => one.name === refused.name) ?? refused) : refused;
  if (control.dataset.refused) forget(control);
  const note = document.createElement('p');
  note.className = 'bad-text';
  note.id = `${control.id || control.name}-refused`;
  note.innerHTML = `<svg class="i" aria-hidden="true"><use href="${SPRITE}#i-circle-alert"></use></svg>`;
  note.append(refusal(control.validity, control));
  control.dataset.refused = note.id;
  control.setAttribute('aria-invalid', 'true');
  control.setAttribute('aria-describedby', `${control.getAttribute('aria-describedby') ?? ''} ${note.id}`.trim());
  const group = control.type === 'radio' ? control.closest('fieldset') : null;
  if (group) group.append(note);
  else (control.closest('.fld, .filebox') ?? control.closest('label') ?? control).after(note);
  for (let around = control.closest('details'); around; around = around.parentElement?.closest('details')) around.open = true;
  clearTimeout(timer);
  timer = setTimeout(() => beside(control).find((one) => one.dataset.refused)?.focus());
  const mend = () => {
    if (!control.validity.valid) return;
    forget(control);
    for (const name of ['input', 'change']) document.removeEventListener(name, mend);
  };
  // A radio becomes right by another one of its group.
  for (const name of ['input', 'change']) document.addEventListener(name, mend);
}
