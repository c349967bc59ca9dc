// @ts-check
/** Filters of a list on a phone: a button opens them below the search and says how many are in use. What they do is the list's own form. */

const OPEN = 'filters-open';
const button = () => /** @type {HTMLElement | null} */ (document.querySelector('.filters-button'));
const panel = () => /** @type {HTMLElement | null} */ (document.getElementById('list-filters'));
/** @returns {HTMLSelectElement[]} */
const choices = () => [...(panel()?.querySelectorAll('select') ?? [])];
/** @returns {HTMLInputElement[]} */
const people = () => [...(panel()?.querySelectorAll('contact-picker > input[type=hidden]') ?? [])];
const inUse = () => [...people().filter((field) => field.value), ...choices().filter((choice) => choice.selectedIndex > 0)];

function count() {
  const place = button()?.querySelector('.n');
  const clear = /** @type {HTMLElement | null} */ (panel()?.querySelector('[data-clear-filters]') ?? null);
  const number = inUse().length;
  if (place) place.textContent = number ? String(number) : '';
  if (clear) clear.hidden = !number;
}

/** @param {boolean} open */
function turn(open) {
  panel()?.classList.toggle('open', open);
  button()?.setAttribute('aria-expanded', String(open));
}

function close() {
  turn(false);
  button()?.focus();
}

/** All that are in use as they are when nobody chose; the list hears of it once. */
function clear() {
  const changed = inUse();
  for (const filter of changed) {
    if (filter instanceof HTMLSelectElement) filter.selectedIndex = 0;
    else /** @type {any} */ (filter.parentElement).set('', '');
  }
  // Each takes what belongs to it along (`data-clears`, heard before an event bubbles); the list hears of the last alone.
  for (const filter of changed.slice(0, -1)) filter.dispatchEvent(new Event('change'));
  for (const type of ['input', 'change']) changed.at(-1)?.dispatchEvent(new Event(type, { bubbles: true }));
  count();
  /** @type {HTMLElement | null} */ (panel()?.querySelector('select, [role=combobox]') ?? null)?.focus();
}

/** A list that is loaded anew by each choice goes on where the choice was made. */
function goOn() {
  const stored = sessionStorage.getItem(OPEN);
  sessionStorage.removeItem(OPEN);
  const { path, name } = JSON.parse(stored ?? '{}');
  if (path !== location.pathname || !panel()) return;
  turn(true);
  choices()
    .find((choice) => choice.name === name)
    ?.focus();
}

/** Browsers that go back bring choices as they were when the page was left, and not those of its address. */
function showServed() {
  for (const choice of choices()) choice.selectedIndex = Math.max([...choice.options].findIndex((option) => option.defaultSelected), 0);
}

function listen() {
  document.addEventListener('click', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest('.filters-button')) turn(button()?.getAttribute('aria-expanded') !== 'true');
    else if (target.closest('[data-close-filters]')) close();
    else if (target.closest('[data-clear-filters]')) clear();
  });
  document.addEventListener('keydown', (event) => {
    const within = /** @type {HTMLElement} */ (event.target).closest('.filters-button, #list-filters');
    if (event.key !== 'Escape' || event.defaultPrevented || !within || !panel()?.classList.contains('open')) return;
    event.preventDefault();
    close();
  });
  document.addEventListener('change', count);
  addEventListener('submit', (event) => {
    const name = /** @type {any} */ (document.activeElement)?.name ?? '';
    const within = /** @type {HTMLElement} */ (event.target).contains(panel());
    if (within && !event.defaultPrevented && panel()?.classList.contains('open'))
      sessionStorage.setItem(OPEN, JSON.stringify({ path: location.pathname, name }));
  });
  document.addEventListener('htmx:after:swap', count);
  addEventListener('pageshow', ({ persisted }) => {
    const [visit] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType('navigation'));
    const replaced = !panel()?.closest('form')?.hasAttribute('hx-get');
    if (persisted ? replaced : visit?.type === 'back_forward') showServed();
    count();
  });
}

// htmx runs the scripts of a page once more that it goes back to.
const { dataset } = document.documentElement;
if (!dataset.filters) listen();
dataset.filters = 'heard';
count();
goOn();
