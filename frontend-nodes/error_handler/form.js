// @ts-check
/** Boxes of steps fill the hidden field: "all", or ids between commas. @param {HTMLFormElement} form */
export function enhance(form) {
  const field = /** @type {any} */ (form.querySelector('[name=scope]'));
  const boxes = /** @type {any} */ (form.querySelector('[data-steps]'));
  const all = boxes.querySelector('[data-all]');
  const steps = /** @type {any[]} */ ([...boxes.querySelectorAll('[data-step-id]')]);
  boxes.addEventListener('change', (event) => {
    if (event.target === all && all.checked) for (const step of steps) step.checked = false;
    const chosen = steps.filter((step) => step.checked).map((step) => step.dataset.stepId);
    all.checked = !chosen.length;
    field.dataset.kind = chosen.length ? 'list' : 'text';
    field.value = chosen.length ? chosen.join(',') : 'all';
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
}
