/**
 * Lets the thread hear its messages, then throws if the caller has asked to stop. Engines that compute on the CPU never
 * leave the microtask queue by themselves, and a timer would wait 4 ms each time.
 */
export async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
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
  signal?.throwIfAborted()
}
