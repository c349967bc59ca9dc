// The token of a link stands behind the # of the address, so that it reaches no server's log. Take it out and send it on.

function sendOn() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-link]"));
  const token = location.hash.slice(1);
  if (!form || !token) return;
  history.replaceState(null, "", location.pathname);
  /** @type {HTMLInputElement} */ (form.elements.namedItem("token")).value = token;
  form.requestSubmit();
}

// A page that the browser prepares ahead of a click is not opened yet.
if (document.prerendering) document.addEventListener("prerenderingchange", sendOn, { once: true });
else sendOn();
window.addEventListener("hashchange", sendOn);
