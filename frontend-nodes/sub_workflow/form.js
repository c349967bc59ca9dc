// @ts-check

/** The list of workflows shows those that hold what is typed above it, and the chosen one. @param {HTMLFormElement} form */
export function enhance(form) {
  const find = /** @type {HTMLInputElement | null} */ (form.querySelector('[data-find]'));
  const select = /** @type {HTMLSelectElement | null} */ (form.querySelector('[data-finds]'));
  if (!find || !select) return;
  const all = [...select.options];
  find.addEventListener('input', (event) => {
    event.stopPropagation(); // looking is no change of the step
    const words = find.value.trim().toLowerCase().split(/\s+/);
    const fits = (/** @type {HTMLOptionElement} */ option) => words.every((word) => option.text.toLowerCase().includes(word));
    const chosen = select.value;
    select.replaceChildren(...all.filter((option) => option.value === '' || option.value === chosen || fits(option)));
    select.value = chosen;
  });
}
