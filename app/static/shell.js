// What the frame of every page needs: theme, menus, dialogs, questions before an action, toasts, copying, a key for the search.
// Everything is delegated from the document, so parts that htmx swaps in work at once.

import { openPalette, openShortcuts } from "./finder.js";
import { follow } from "./live.js";
import { guard } from "./session.js";
import { gettext } from "./texts.js";

const root = document.documentElement;
const yearInSeconds = 31536000;

// ---- theme: the server reads the cookie, so the next page is painted right from the start
function switchTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=${yearInSeconds}; samesite=lax`;
  document.dispatchEvent(new CustomEvent("theme:change", { detail: root.dataset.theme }));
}

// ---- toasts
const sprite = "/static/vendor/lucide-1.62.0/sprite.svg";

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#i-${name}`);
  svg.append(use);
  return svg;
}

/** Show a sentence for a while; errors, and what can be taken back, stay longer. `text` is never read as HTML. `offers`: buttons, the
 * text of each and what it does. */
export function toast(text, kind = "ok", ...offers) {
  const place = document.getElementById("toasts");
  if (!place || !text) return;
  const line = document.createElement("div");
  line.className = `toast ${kind}`;
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.className = "icb sm";
  close.type = "button";
  close.setAttribute("aria-label", gettext("Dismiss"));
  close.append(icon("x"));
  close.addEventListener("click", () => line.remove());
  line.append(icon(kind === "err" ? "circle-alert" : "circle-check"), words);
  for (const offer of offers) {
    const button = Object.assign(document.createElement("button"), { className: "link", type: "button", textContent: offer.text });
    button.addEventListener("click", () => (line.remove(), offer.act()));
    line.append(button);
  }
  line.append(close);
  place.append(line);
  setTimeout(() => line.remove(), kind === "err" || offers.length ? 12000 : 5000);
}

function showFlash() {
  const cookie = document.cookie.split("; ").find((part) => part.startsWith("flash="));
  if (!cookie) return;
  document.cookie = "flash=; path=/; max-age=0; samesite=lax";
  try {
    const { text, kind, acts = [] } = JSON.parse(decodeURIComponent(cookie.slice("flash=".length).replace(/^"|"$/g, "")));
    const pages = acts.filter(([, to]) => new URL(to, location.href).origin === location.origin);
    toast(text, kind, ...pages.map(([name, to]) => ({ text: name, act: () => location.assign(to) })));
  } catch {
    // A cookie somebody else wrote: nothing to say.
  }
}

// ---- dialogs
/** The focus goes to what is wrong, else to the first field; where something has `autofocus` the browser has put it there. */
function openDialog(dialog) {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  if (dialog.querySelector("[autofocus]")) return;
  const fields = [...dialog.querySelectorAll(".db :is(input,select,textarea)")].filter((field) => field.checkVisibility() && !field.readOnly);
  (fields.find((field) => field.ariaInvalid === "true") ?? fields[0])?.focus();
}

/** Open the dialog that a button names; `data-fill`, values by the ids of fields, puts what the button's row is about into it. */
function openFor({ open, fill }) {
  for (const [id, value] of Object.entries(JSON.parse(fill ?? "{}"))) document.getElementById(id).value = value;
  openDialog(document.getElementById(open));
}

/** Ask before an action; resolves to true or false. The words come from data-confirm-* of the element that asks. */
export function ask(question, { verb = gettext("Yes"), title = gettext("Are you sure?"), danger = false } = {}) {
  const dialog = document.createElement("dialog");
  dialog.className = "dlg";
  dialog.setAttribute("aria-labelledby", "ask-title");
  dialog.innerHTML = `<form method="dialog"><div class="dh"><h2 id="ask-title"></h2></div><div class="db"><p></p></div>
    <div class="df"><button class="btn sec" value="no"></button><button class="btn pri" value="yes"></button></div></form>`;
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector(".db p").textContent = question;
  dialog.querySelector("[value=no]").textContent = gettext("Cancel");
  const yes = dialog.querySelector("[value=yes]");
  yes.textContent = verb;
  yes.classList.toggle("dng", danger);
  document.body.append(dialog);
  dialog.showModal();
  (danger ? dialog.querySelector("[value=no]") : yes).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

function wordsOf(element) {
  const { confirmVerb: verb, confirmTitle: title, confirmDanger: danger } = element.dataset;
  return { verb, title, danger: danger !== undefined };
}

// ---- small tools of controls
function reveal(button) {
  const field = document.getElementById(button.dataset.reveal);
  const shown = field.type === "text";
  field.type = shown ? "password" : "text";
  button.setAttribute("aria-label", shown ? gettext("Show password") : gettext("Hide password"));
  button.querySelector("use").setAttribute("href", `${sprite}#i-${shown ? "eye" : "eye-off"}`);
  field.focus();
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    toast(gettext("Copied."));
  } catch {
    toast(gettext("The browser did not allow copying."), "err");
  }
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

document.addEventListener("click", (event) => {
  const target = event.target;
  closeMenus(target.closest("details.menu"));
  const item = target.closest(".pop .mi");
  if (item) item.closest("details.menu").open = false;
  const control = target.closest("[data-theme-toggle],[data-open],[data-close],[data-reveal],[data-copy],[data-find]");
  if (!control) {
    if (target.matches("dialog.dlg[open]")) target.close("no");
    return;
  }
  if ("themeToggle" in control.dataset) switchTheme();
  else if ("open" in control.dataset) openFor(control.dataset);
  else if ("close" in control.dataset) control.closest("dialog").close("no");
  else if ("reveal" in control.dataset) reveal(control);
  else if ("copy" in control.dataset) copy(control);
  else if ("find" in control.dataset) openPalette();
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.confirm === undefined || form.dataset.confirmed !== undefined) return;
  event.preventDefault();
  const submitter = event.submitter;
  if (!(await ask(form.dataset.confirm, wordsOf(form)))) return;
  form.dataset.confirmed = "";
  form.requestSubmit(submitter);
});

// ---- what the browser refuses is said below the field, in our words
document.addEventListener("invalid", (event) => {
  event.preventDefault(); // the browser's bubble
  const { target } = event;
  import("./validation.js").then(({ showRefusal }) => showRefusal(target), () => toast(target.validationMessage, "err"));
}, true);

// A filter of one workflow means nothing in another.
document.addEventListener("change", ({ target }) => {
  for (const name of target.dataset.clears?.split(" ") ?? []) {
    const field = target.form.elements[name];
    if (field) [field.value, field.disabled] = ["", field.type === "hidden"];
  }
}, true);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// ---- find anything, and the keys of the page
const onMac = /Mac|iP(hone|ad)/.test(navigator.platform);
if (onMac) for (const key of document.querySelectorAll("[data-find] kbd")) key.textContent = "⌘ K";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || event.shiftKey && event.key !== "?") return;
  if ("drawerShown" in document.body.dataset) return; // a page in a drawer goes nowhere else: the drawer would, and what was written with it
  if (event.key.toLowerCase() === "k" && (onMac ? event.metaKey && !event.ctrlKey : event.ctrlKey)) {
    event.preventDefault();
    openPalette();
  }
  // The builder shows its own.
  const typing = event.target.closest("input,textarea,select,[contenteditable]");
  if (event.key === "?" && !typing && !document.querySelector("flow-canvas")) openShortcuts();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.target.closest("input,textarea,select,[contenteditable],flow-canvas")) {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.select();
    }
  }
});

// ---- what stops everything: asked for while somebody looks, by a request of its own that changes nothing when it fails
const stops = document.getElementById("stops");
const stopsEveryMs = 30000;

async function showStops() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/troubles/banner", { redirect: "manual", headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const notice = (await answer.text()).trim();
    if (stops.dataset.shown === notice) return;
    stops.dataset.shown = notice;
    stops.innerHTML = notice;
    stops.hidden = !notice;
  } catch {
    // The server is away: the page's own requests say so.
  }
}

if (stops) {
  showStops();
  setInterval(showStops, stopsEveryMs);
  document.addEventListener("visibilitychange", showStops);
}

// ---- htmx: our own question instead of window.confirm, toasts from HX-Trigger, dialogs that come with an answer
document.addEventListener("htmx:confirm", async (event) => {
  event.preventDefault();
  const { ctx, issueRequest, dropRequest } = event.detail;
  const words = wordsOf(ctx.sourceElement);
  if (await ask(ctx.confirm, words)) issueRequest();
  else dropRequest();
});
document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.kind));
function openAtOnce() {
  for (const dialog of document.querySelectorAll("dialog[data-now]:not([open])")) {
    dialog.removeAttribute("data-now");
    openDialog(dialog);
  }
}
document.addEventListener("htmx:after:swap", openAtOnce);
document.addEventListener("htmx:after:swap", follow);
// A list that refreshes itself rests while nobody looks at it.
document.addEventListener("htmx:config:request", (event) => {
  if (document.hidden && event.detail.ctx.sourceElement.dataset?.poll !== undefined) event.preventDefault();
});
document.addEventListener("htmx:error", () => toast(gettext("The server did not answer. Nothing was changed; try again."), "err"));

guard();
follow();
document.addEventListener("htmx:after:swap", follow); // a part that came may move by itself, one that went does no more
openAtOnce();
showFlash();

// ---- whoever signs out leaves nothing in this tab for who comes next: the builder writes its undo when its page goes, so this comes after it.
// What the server has not confirmed is in localStorage by person, and stays.
document.addEventListener("submit", (event) => {
  if (event.target.matches('[action$="/sign-out"]')) addEventListener("pagehide", () => sessionStorage.clear(), { once: true });
});
