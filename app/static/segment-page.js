// @ts-check
/** The page of a segment: a changed rule that was saved just now asks for its answer as soon as it is built. */

function askNow() {
  const button = /** @type {HTMLElement | null} */ (document.querySelector('[data-ask-now]'));
  if (!button) return;
  button.removeAttribute('data-ask-now');
  history.replaceState(null, '', location.pathname); // once, not again when the page is loaded anew
  button.click();
}

askNow();
document.addEventListener('htmx:after:swap', askNow);
