import type { Plugin } from 'vite'

/**
 * Has the browser fetch the device worker as soon as it sees the page, and not only when the page's script starts it. A
 * prefetch, since no browser knows `preload` for workers: the worker finds it in the HTTP cache.
 */
export function workerEarly(): Plugin {
  return {
    name: 'kindred:worker-early',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle = {} }) {
        const worker = Object.keys(bundle).find((name) => /^assets\/device-[^/]+\.js$/.test(name))
        if (!worker) throw new Error('The bundle has no device worker.')
        return [{ tag: 'link', attrs: { rel: 'prefetch', href: `/${worker}` }, injectTo: 'head' }]
      },
    },
  }
}
