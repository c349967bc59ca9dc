// @ts-check
/** Selects of ways fill the hidden field, a list of step ids; one more way is shown at a time. @param {HTMLFormElement} form */
export function enhance(form) {
  const field = /** @type {any} */ (form.querySelector('[name=alternatives]'));
  const ways = /** @type {any[]} */ ([...form.querySelectorAll('[data-way]')]);
  const more = /** @type {any} */ (form.querySelector('[data-more-ways]'));
  const save = () => {
    field.value = JSON.stringify(ways.filter((way) => !way.hidden).map((way) => way.querySelector('select').value));
    field.dispatchEvent(new Event('input', { bubbles: true }));
    more.hidden = ways.every((way) => !way.hidden);
  };
  for (const way of ways) way.addEventListener('change', save);
  more.addEventListener('click', () => {
    const next = ways.find((way) => way.hidden);
    if (next) next.hidden = false;
    save();
  });
  more.hidden = ways.every((way) => !way.hidden);
}
