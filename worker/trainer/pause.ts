/** Longest that a training thread hears nothing, ms: a few steps of a small model, one of a large one. */
const DEAF_MS = 8

/**
 * Gives what is awaited between steps: it throws if the caller has asked to stop, and now and then, the first time too,
 * lets the thread hear its messages before. Engines that compute on the CPU never leave the microtask queue by themselves,
 * and a timer would wait 4 ms each time; but a turn of the event loop costs as much as a small step.
 */
export function createPause(signal: AbortSignal | undefined): () => Promise<void> {
  let heard = Number.NEGATIVE_INFINITY
  return async () => {
    if (performance.now() - heard >= DEAF_MS) {
      await turn()
      heard = performance.now()
    }
    signal?.throwIfAborted()
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    // Assigned this way because Node's types leave `onmessage` out.
    Object.assign(port1, {
      onmessage() {
        port1.close()
        resolve()
      },
    })
    port2.postMessage(null)
  })
}
