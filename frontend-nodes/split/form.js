// @ts-check
/** The shares that follow from the weights, and the choices of the control group, while variants are typed. */

const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });
const LABELS = 'ABCDEFGHIJ';

/** @param {HTMLFormElement} form */
export function enhance(form) {
  const holdout = /** @type {HTMLSelectElement} */ (form.querySelector('select[name="holdout"]'));
  const show = () => {
    const rows = /** @type {any[]} */ ([...form.querySelectorAll('.variant')]);
    const weights = rows.map((row) => Math.max(0, Number(row.querySelector('[name="weight"]').value) || 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, row] of rows.entries()) row.querySelector('[data-share]').textContent = total ? percent.format(weights[index] / total) : '–';
    const chosen = holdout.value;
    const arms = rows.map((row, index) => new Option(row.querySelector('[name="label"]').value || LABELS[index] || 'Variant', row.dataset.port));
    holdout.replaceChildren(new Option('none', ''), ...arms);
    holdout.value = rows.some((row) => row.dataset.port === chosen) ? chosen : '';
  };
  form.addEventListener('input', (event) => event.target !== holdout && show());
  new MutationObserver(show).observe(/** @type {Node} */ (form.querySelector('[data-list="variants"]')), { childList: true });
  show();
}
