// @ts-check
/** The list of messages: choose some by mouse, keyboard or touch, and ask before something is done with them. */
import { ask } from "./shell.js";
import { language } from "./texts.js";

const number = new Intl.NumberFormat(language());
/** What messages are called: by the word of their channel while there is one. */
const word = (/** @type {boolean} */ several) => {
  const { noun = "message", plural = "messages" } = /** @type {HTMLElement} */ (document.querySelector("#chosen")).dataset;
  return several ? plural : noun;
};
const counted = (/** @type {number} */ count) => `${number.format(count)} ${word(count !== 1)}`;

const boxes = () => /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll("#chosen input[name=id]")]);
const chosen = () => boxes().filter((box) => box.checked);
/** @type {HTMLInputElement | undefined} */
let last;

function show() {
  const bar = /** @type {HTMLElement | null} */ (document.querySelector("#chosen .bulk"));
  if (!bar) return;
  const all = boxes();
  const some = all.filter((box) => box.checked);
  bar.hidden = !some.length;
  /** @type {HTMLElement} */ (bar.querySelector("b")).textContent = `${number.format(some.length)} selected`;
  /** @type {HTMLButtonElement} */ (bar.querySelector("[value=sent]")).disabled = !some.some((box) => box.dataset.status === "uncertain");
  for (const box of all) box.closest("tr")?.setAttribute("aria-selected", String(box.checked));
  const every = /** @type {HTMLInputElement} */ (document.querySelector("#every"));
  every.checked = some.length === all.length;
  every.indeterminate = some.length > 0 && some.length < all.length;
}

document.addEventListener("change", (event) => {
  const box = /** @type {HTMLInputElement} */ (event.target);
  if (box.id === "every") for (const one of boxes()) one.checked = box.checked;
  if (box.id === "every" || box.name === "id") show();
});

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest("[data-unselect]")) {
    for (const box of boxes()) box.checked = false;
    show();
    /** @type {HTMLElement} */ (document.querySelector("#every")).focus();
    return;
  }
  const box = /** @type {HTMLInputElement | null} */ (target.closest("#chosen input[name=id]"));
  if (!box) return;
  const all = boxes();
  if (event.shiftKey && last && all.includes(last)) {
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
    for (const one of all.slice(from, to + 1)) one.checked = box.checked;
    show();
  }
  last = box;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && chosen().length && !document.querySelector("dialog[open]")) {
    for (const box of boxes()) box.checked = false;
    show();
  }
});

/** What is asked before `act` is done to `count` messages, of which `unsure` are uncertain. */
function words(/** @type {string} */ act, /** @type {number} */ count, /** @type {number} */ unsure, more = "") {
  const them = counted(count) + more;
  if (act === "sent") {
    const question = "They count as sent from now on, and contacts who wait for them go on. Nothing is sent.";
    return { title: `Assume ${them} sent?`, verb: "Assume sent", question };
  }
  const those = unsure !== count ? counted(unsure) : count === 1 ? "it" : "they";
  const twice = unsure ? ` Nobody knows whether ${those} left: somebody may get the ${word(false)} twice.` : "";
  return { title: `Send ${them} again?`, verb: "Send again", question: `Each is queued again and leaves if the contact may be written to then.${twice}` };
}

document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const by = /** @type {HTMLButtonElement | null} */ (/** @type {SubmitEvent} */ (event).submitter);
  if (!form.matches("#chosen") || !by || by.dataset.sure !== undefined) return;
  event.preventDefault();
  const all = Number(by.dataset.all ?? 0);
  const some = chosen();
  const unsure = all ? Number(by.dataset.unsure) : some.filter((box) => box.dataset.status === "uncertain").length;
  const act = by.value.replace("all-", "");
  const count = all || (act === "sent" ? unsure : some.length);
  const { question, ...dialog } = words(act, count, unsure, by.dataset.more);
  if (!(await ask(question, dialog))) return;
  by.dataset.sure = "";
  form.requestSubmit(by);
});

document.addEventListener("htmx:after:swap", () => show());
window.addEventListener("pageshow", () => show());
show();
