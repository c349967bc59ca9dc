// The tab that somebody signed in in again: the other tabs go on, and this one is needed no more.
new BroadcastChannel("session").postMessage("signed-in");
if (window.opener) window.close();
