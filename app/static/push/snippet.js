// What the pages of a site include: it asks for permission, subscribes the browser and registers it. `THROUGHLINE_PUSH` stands before it.
(() => {
  const own = self.THROUGHLINE_PUSH;
  const WORKER = "/throughline-push-worker.js";

  const bytesOf = (text) => {
    const padded = text.replace(/-/g, "+").replace(/_/g, "/") + "=".repeat((4 - (text.length % 4)) % 4);
    return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
  };

  const sameBytes = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

  // A simple request: no cookies, and no question of the browser beforehand.
  const send = async (path, content) => {
    const answer = await fetch(`${own.url}/${path}`, {
      method: "POST", mode: "cors", credentials: "omit", headers: { "Content-Type": "text/plain" }, body: JSON.stringify(content),
    });
    const words = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(words.detail || `The address answered ${answer.status}.`);
    return words;
  };

  const isSupported = () => "serviceWorker" in navigator && "PushManager" in self && "Notification" in self;

  const subscriptionOf = async (registration) => {
    const key = bytesOf(own.publicKey);
    const existing = await registration.pushManager.getSubscription();
    const held = existing?.options?.applicationServerKey;
    if (existing && (!held || sameBytes(new Uint8Array(held), key))) return existing;
    if (existing) await existing.unsubscribe();
    return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  };

  // Call it after a click. `token` comes from the API; or `externalId` with its `signature`, made on the site's server.
  const subscribe = async ({ token = "", externalId = "", signature = "", app = "", worker = WORKER } = {}) => {
    if (!isSupported()) return { subscribed: false, permission: "unsupported" };
    const permission = await Notification.requestPermission();
    if (permission !== "granted") return { subscribed: false, permission };
    await navigator.serviceWorker.register(worker);
    const subscription = await subscriptionOf(await navigator.serviceWorker.ready);
    const { endpoint, keys } = subscription.toJSON();
    const { p256dh, auth } = keys;
    const device = await send("devices", { endpoint, keys: { p256dh, auth }, token, externalId, signature, app });
    return { subscribed: true, permission, id: device.id };
  };

  const unsubscribe = async () => {
    const registration = isSupported() ? await navigator.serviceWorker.getRegistration() : null;
    const subscription = await registration?.pushManager.getSubscription();
    if (!subscription) return { removed: false };
    await subscription.unsubscribe();
    return send("withdraw", { endpoint: subscription.endpoint });
  };

  self.throughlinePush = { isSupported, subscribe, unsubscribe };
})();
