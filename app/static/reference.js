// The reader has a dark look of its own, by a class on the document; the page's theme decides.
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function follow() {
  root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
}

follow();
system.addEventListener("change", follow);

// Starts the vendored OpenAPI reader. Deferred scripts run before modules, so the bundle is there.
window.SwaggerUIBundle({
  url: "/docs/openapi/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  validatorUrl: null,
});
