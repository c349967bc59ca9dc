// The template editor: live preview after a pause in typing, CodeMirror over the sources, tabs, insert menu, and a word before unsaved work is lost.
// Until CodeMirror is here, and where it cannot be loaded, the plain text areas do, with line numbers.
// The HTML is rendered by the server into a sandboxed frame; the rest of the preview comes by htmx when "preview" is triggered.

const form = document.querySelector("[data-template-editor]");
const frameForm = document.getElementById("frame-form");
const paper = document.querySelector("[data-paper]");
const frame = document.querySelector("[data-frame]");
const unsaved = document.getElementById("unsaved");
const pauseMs = 400;
const areas = [...form.querySelectorAll(".code textarea")];
const kinds = form.querySelector("[data-kinds]");
const values = form.querySelector("[data-values]");
const placeholder = /\{\{\s*([1-9]\d?|[a-z][a-z0-9_]{0,60})\s*\}\}/g;
let editors = new Map(); // by text area
let last = areas[0];
let timer;
let shownAs = "mail";
let leaving = false;

// ---- preview
function sendFrame() {
  for (const name of ["subject", "html", "text", "as"]) frameForm.elements[name].value = form.elements[name].value;
  for (const copied of frameForm.querySelectorAll("[data-copied]")) copied.remove();
  for (const [name, value] of new FormData(form)) {
    if (!name.startsWith("content.")) continue;
    const copied = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    copied.dataset.copied = "";
    frameForm.append(copied);
  }
  frameForm.submit();
}

function preview() {
  sendFrame();
  form.dispatchEvent(new CustomEvent("preview"));
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(preview, pauseMs);
}

function showForm(kind) {
  shownAs = kind;
  const plain = document.querySelector("[data-plain]");
  if (plain) plain.hidden = kind !== "text";
  frame.hidden = kind === "text";
}

// ---- line numbers; the line that an error names is marked
function lineOf(message) {
  const match = /^Line (\d+)/.exec(message || "");
  return match ? Number(match[1]) : 0;
}

function number(area) {
  if (editors.has(area)) return;
  const wrong = lineOf(document.getElementById("preview")?.dataset[`error${area.name === "html" ? "Html" : "Text"}`]);
  const gutter = area.parentElement.querySelector(".gutter");
  const count = area.value.split("\n").length;
  const marks = [];
  for (let line = 1; line <= count; line += 1) {
    const mark = document.createElement("span");
    mark.textContent = `${line}`;
    if (line === wrong) mark.className = "bad";
    marks.push(mark, "\n");
  }
  gutter.replaceChildren(...marks);
  gutter.scrollTop = area.scrollTop;
}

function showErrors() {
  const { errorHtml, errorText } = document.getElementById("preview").dataset;
  for (const area of areas) {
    const message = (area.name === "html" ? errorHtml : errorText) || "";
    area.parentElement.classList.toggle("bad", Boolean(message));
    editors.get(area)?.mark(lineOf(message), message);
    number(area);
  }
}

// ---- what a channel has beside its parts: fields of one kind only, and a value for each placeholder of the text
function showKind() {
  for (const part of form.querySelectorAll("[data-of-kind]")) part.hidden = part.dataset.ofKind !== kinds.value;
}

function placeholders(text) {
  const names = [...new Set([...text.matchAll(placeholder)].map((match) => match[1]))];
  return names.every((name) => /^\d+$/.test(name)) ? names.sort((one, other) => one - other) : names;
}

function showValues() {
  const before = new Map();
  for (const row of values.children) before.set(row.querySelector("label").textContent, row);
  const rows = placeholders(form.elements.text.value).map((name, at) => {
    const shown = `{{${name}}}`;
    const row = before.get(shown) ?? form.querySelector("[data-value]").content.firstElementChild.cloneNode(true);
    row.querySelector("label").textContent = shown;
    row.querySelector("label").htmlFor = row.querySelector("input").id = `wa-value-${at}`;
    return row;
  });
  values.replaceChildren(...rows);
}

// ---- parts
function openPart(name, focus) {
  for (const tab of form.querySelectorAll("[data-part]")) {
    const on = tab.dataset.part === name;
    tab.setAttribute("aria-selected", `${on}`);
    tab.tabIndex = on ? 0 : -1;
    document.getElementById(`part-${tab.dataset.part}`).hidden = !on;
    if (on && focus) tab.focus();
  }
  last = areas.find((area) => area.name === name);
  number(last);
}

function insert(code) {
  const editor = editors.get(last);
  if (editor) {
    editor.insert(code);
    return;
  }
  last.focus();
  // execCommand keeps the browser's own undo; setRangeText is for browsers that dropped it.
  if (!document.execCommand("insertText", false, code)) last.setRangeText(code, last.selectionStart, last.selectionEnd, "end");
  last.dispatchEvent(new Event("input", { bubbles: true }));
}

form.addEventListener("input", (event) => {
  if (event.target.name !== "as" && unsaved) unsaved.hidden = false;
  if (areas.includes(event.target)) number(event.target);
  if (event.target === kinds) showKind();
  if (values && event.target.name === "text") showValues();
  soon();
});
form.addEventListener("focusin", (event) => {
  const entered = [...editors.values()].find((editor) => editor.host === event.target);
  if (event.target.matches("[data-insertable]")) last = entered ? entered.area : event.target;
});
form.addEventListener("submit", () => {
  leaving = true;
});
document.querySelector("[name=as]").addEventListener("input", soon);
for (const area of areas) {
  area.addEventListener("scroll", () => {
    area.parentElement.querySelector(".gutter").scrollTop = area.scrollTop;
  });
}

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-part],[data-insert],[data-width],[data-form]");
  if (!control) return;
  if (control.dataset.part) openPart(control.dataset.part, false);
  else if (control.dataset.insert) insert(control.dataset.insert);
  else {
    for (const other of control.parentElement.children) other.setAttribute("aria-pressed", `${other === control}`);
    if (control.dataset.width) paper.classList.toggle("phone", control.dataset.width === "phone");
    else showForm(control.dataset.form);
  }
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    form.requestSubmit();
  }
  if (event.target.matches("[data-part]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    openPart(event.target.dataset.part === "html" ? "text" : "html", true);
  }
});

document.addEventListener("htmx:after:swap", () => {
  showForm(shownAs);
  showErrors();
});
document.addEventListener("htmx:after:request", (event) => {
  const source = event.detail?.ctx?.sourceElement;
  if (source?.matches?.("[data-closes]")) source.closest("dialog").close("sent");
});
window.addEventListener("beforeunload", (event) => {
  if (!leaving && unsaved && !unsaved.hidden) event.preventDefault();
});


// ---- in a drawer over the builder, which is told what happens here (template-drawer.js)
function tell(message) {
  window.parent.postMessage(message, location.origin);
}

if ("drawerShown" in document.body.dataset && window.parent !== window) {
  const { saved } = document.body.dataset;
  if (saved) tell({ kind: "saved", template: JSON.parse(saved) });
  document.querySelector("[data-leave-drawer]").addEventListener("click", () => tell({ kind: "leave" }));
  document.addEventListener("keydown", (event) => {
    const within = document.querySelector("dialog[open], details.menu[open]");
    if (event.key === "Escape" && !event.defaultPrevented && !within) tell({ kind: "leave" });
  });
}

async function openSources() {
  const { openEditors } = await import("./source-editor.js");
  const variables = [...form.querySelectorAll("[data-insert]")].map((item) => ({ code: item.dataset.insert, label: item.textContent.trim() }));
  editors = await openEditors(areas, variables, (form.dataset.filters ?? "").split(" "));
  showErrors();
}

areas.forEach(number);
sendFrame();
openSources().catch(() => {}); // the text areas do
form.querySelector('[aria-invalid="true"]')?.focus();
