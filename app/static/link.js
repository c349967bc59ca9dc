// The token of a link stands behind the # of the address, so that it reaches no server's log. Take it out and send it on.

function sendOn() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-link]"));
  const token = location.hash.slice(1);
  if (!token) return;
  if (!form) {
    // Another link was pasted over the page of one: that alone loads nothing, another query does.
    location.replace(`${location.pathname}?again#${token}`);
    return;
  }
  history.replaceState(null, "", location.pathname);
  /** @type {HTMLInputElement} */ (form.elements.namedItem("token")).value = token;
  form.requestSubmit();
}

// A page that the browser prepares ahead of a click is not opened yet.
if (document.prerendering) document.addEventListener("prerenderingchange", sendOn, { once: true });
else sendOn();
window.addEventListener("hashchange", sendOn);
