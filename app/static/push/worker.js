// What the service worker of a site imports: it shows notifications, opens what they link to, and reports both.
(() => {
  const contentOf = (event) => {
    try {
      return event.data.json();
    } catch {
      return null; // not ours
    }
  };

  // The address is signed for this notification and this browser. The answer is not needed, so none is asked to be readable.
  const report = (address, kind, url) => {
    if (!address) return Promise.resolve();
    const body = url ? JSON.stringify({ url }) : "";
    return fetch(`${address}&k=${kind}`, { method: "POST", mode: "no-cors", credentials: "omit", keepalive: true, body }).catch(() => {});
  };

  const shown = (content) => {
    const { title, body = "", image, tag, link = "", data = {} } = content;
    const options = { body, data: { link, data, report: content.report } };
    if (image) options.image = image;
    if (tag) Object.assign(options, { tag, renotify: true });
    return self.registration.showNotification(title, options);
  };

  const opened = async (link) => {
    if (!link) return null;
    const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const open = windows.find((one) => one.url === link);
    return open ? open.focus() : self.clients.openWindow(link);
  };

  self.addEventListener("push", (event) => {
    const content = event.data && contentOf(event);
    if (content?.title) event.waitUntil(shown(content).then(() => report(content.report, "delivered")));
  });

  self.addEventListener("notificationclick", (event) => {
    const { link = "", report: address = "" } = event.notification.data || {};
    event.notification.close();
    event.waitUntil(Promise.all([opened(link), report(address, "clicked", link)]));
  });
})();
