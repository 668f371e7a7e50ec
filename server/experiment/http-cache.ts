/** What a browser's HTTP cache is to a device: artifacts, which are immutable, are downloaded once by all devices of a thread. */

interface Kept {
  readonly bytes: ArrayBuffer
  readonly headers: readonly [string, string][]
}

export function createCachingFetch(send: typeof fetch = fetch): typeof fetch {
  const kept = new Map<string, Kept>()
  return async (url, request) => {
    const address = new URL(url instanceof Request ? url.url : url).pathname
    if (!address.startsWith('/artifacts/')) return send(url, request)
    const { cache } = (request ?? {}) as { cache?: string }
    const known = cache === 'reload' ? undefined : kept.get(address)
    if (known) return new Response(known.bytes, { headers: [...known.headers] as [string, string][] })
    const response = await send(url, request)
    if (!response.ok) return response
    const bytes = await response.arrayBuffer()
    const headers = [...response.headers].filter(([name]) => !/^content-(encoding|length)$/.test(name))
    kept.set(address, { bytes, headers })
    return new Response(bytes, { headers })
  }
}
