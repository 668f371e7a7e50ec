/**
 * The service worker: keeps the built app on the device, so that it starts without a network, and sends what waits in the
 * outbox once there is one again. Models, catalogues and batches are the device worker's, in its own storage: artifacts pass by
 * here if they are what their names promise, and nothing of them is kept.
 */
/// <reference lib="webworker" />
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching'
import { NavigationRoute, registerRoute } from 'workbox-routing'
import { OUTBOX_SYNC } from '../shared/version.ts'
import { checkedArtifact, isArtifact } from '../worker/service/artifact.ts'
import { syncOutbox } from '../worker/service/sync.ts'

/** Background Sync; not in TypeScript's web worker. */
interface SyncEvent extends ExtendableEvent {
  readonly tag: string
}

declare const self: ServiceWorkerGlobalScope & {
  __WB_MANIFEST: Parameters<typeof precacheAndRoute>[0]
}

/** What is not stored beforehand, because few need it: the engines of TensorFlow.js. */
const USED = 'kindred-used'

cleanupOutdatedCaches()
precacheAndRoute(self.__WB_MANIFEST)
// The operator's console is not part of the app: it is always the server's newest, and not there without it.
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && /^\/assets\/(?!console\/)/.test(url.pathname),
  keepWhatIsUsed,
)
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && isArtifact(url),
  ({ request }) => checkedArtifact(request, fetch),
)
registerRoute(
  new NavigationRoute(createHandlerBoundToURL('index.html'), {
    denylist: [/^\/(api|artifacts)\//, /^\/console(\.html)?\/?(\?|$)/, /\/[^/]+\.[^/]+$/],
  }),
)

/** Its name has the hash of its content, so it is right for ever. */
async function keepWhatIsUsed({ request }: { request: Request }): Promise<Response> {
  const cache = await caches.open(USED)
  const kept = await cache.match(request)
  if (kept) return kept
  const answer = await fetch(request)
  if (answer.ok) await cache.put(request, answer.clone()).catch(() => {}) // no room left
  return answer
}

// The first visit already counts: what is loaded later on that page comes from here when the network goes.
self.addEventListener('activate', (event) =>
  event.waitUntil(Promise.all([self.clients.claim(), caches.delete(USED)])),
)

// A new version waits until the user agrees.
self.addEventListener('message', ({ data }) => {
  if (data?.type === 'SKIP_WAITING') void self.skipWaiting()
})

self.addEventListener('sync', (event) => {
  const { tag, waitUntil } = event as SyncEvent
  if (tag !== OUTBOX_SYNC) return
  waitUntil.call(
    event,
    syncOutbox({
      indexedDB,
      IDBKeyRange,
      locks: navigator.locks,
      fetch: (path, request) => fetch(path, request),
      now: Date.now,
      share: Math.random,
    }),
  )
})
