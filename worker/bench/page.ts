/** The page that starts the workers which measure; `kindred bench` calls `runBench` and `measureMemory` on it. */

/** What one benchmark found; `progress` is told how far it is, as (stage, done, total). */
function runBench(name: string, quick: boolean): Promise<unknown> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  const { onBenchProgress } = globalThis as { onBenchProgress?: (...progress: unknown[]) => void }
  return new Promise((resolve, reject) => {
    worker.addEventListener('error', ({ message }) => reject(new Error(message)))
    worker.addEventListener('message', ({ data }) => {
      if (data.progress) onBenchProgress?.(...data.progress)
      else if (data.findings) resolve(data.findings)
      else reject(new Error(data.failed))
    })
    worker.postMessage({ name, quick })
  }).finally(() => worker.terminate())
}

/** Bytes of JavaScript's heap and buffers in use by this page and its workers, garbage not counted. */
async function bytesInUse(): Promise<number> {
  const { measureUserAgentSpecificMemory: measure } = performance as unknown as {
    measureUserAgentSpecificMemory?: () => Promise<{ bytes: number }>
  }
  if (!measure) throw new Error('This browser cannot tell how much memory is in use.')
  return (await measure.call(performance)).bytes
}

/** Bytes in use before there is a trainer, and at each point of its round where it holds the most; `linear` is WebAssembly's. */
async function measureMemory(): Promise<{
  before: number
  held: Record<string, { heap: number; linear: number }>
  round: unknown
}> {
  const before = await bytesInUse()
  const worker = new Worker(new URL('./held.ts', import.meta.url), { type: 'module' })
  const held: Record<string, { heap: number; linear: number }> = {}
  try {
    const round = await new Promise((resolve, reject) => {
      worker.addEventListener('error', ({ message }) => reject(new Error(message)))
      worker.addEventListener('message', async ({ data }) => {
        if (data.done) return resolve(data.done)
        held[data.held] = { heap: await bytesInUse(), linear: data.linear }
        worker.postMessage('go on')
      })
    })
    return { before, held, round }
  } finally {
    worker.terminate()
  }
}

Object.assign(globalThis, { runBench, measureMemory })
