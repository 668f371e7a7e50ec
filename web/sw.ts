/**
 * The service worker: keeps the built app on the device, so that it starts without a network. Models, catalogues and
 * batches are the device worker's, in its own storage, and pass by here untouched.
 */
/// <reference lib="webworker" />
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching'
import { NavigationRoute, registerRoute } from 'workbox-routing'

declare const self: ServiceWorkerGlobalScope & {
  __WB_MANIFEST: Parameters<typeof precacheAndRoute>[0]
}

cleanupOutdatedCaches()
precacheAndRoute(self.__WB_MANIFEST)
registerRoute(
  new NavigationRoute(createHandlerBoundToURL('index.html'), {
    denylist: [/^\/(api|artifacts)\//, /\/[^/]+\.[^/]+$/],
  }),
)

// The first visit already counts: what is loaded later on that page comes from here when the network goes.
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

// A new version waits until the user agrees.
self.addEventListener('message', ({ data }) => {
  if (data?.type === 'SKIP_WAITING') void self.skipWaiting()
})
