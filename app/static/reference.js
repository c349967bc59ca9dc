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
