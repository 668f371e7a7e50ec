/** A GPU device of our own: what it holds is counted, what it refuses becomes a failure, and its loss is told. */
import { AppError } from '../../failure.ts'

export interface Gpu {
  readonly device: GPUDevice
  /** Fulfilled, never rejected, once the device is lost for any reason but `close`. */
  readonly lost: Promise<AppError>
  /** A buffer of `words` 4-byte words, all 0. */
  buffer(words: number, usage: number): GPUBuffer
  free(buffer: GPUBuffer): void
  held(): number
  /** Bytes of all buffers. */
  bytes(): number
  /** The compiled shader; one that was asked for before is the same. */
  pipeline(code: string): Promise<GPUComputePipeline>
  /** Runs `work` and answers its result; what the device found wrong with it, or its loss, throws `engine`. */
  guard<T>(work: () => T | Promise<T>): Promise<T>
  close(): void
}

/** Throws `engine` where there is no WebGPU or no adapter. Takes a software adapter too: see adapter.ts. */
export async function openGpu(): Promise<Gpu> {
  const device = await requestDevice()
  const buffers = new Set<GPUBuffer>()
  const pipelines = new Map<string, Promise<GPUComputePipeline>>()
  let gone: AppError | undefined
  let closed = false
  const lost = new Promise<AppError>((tell) => {
    void device.lost.then(({ message }) => {
      gone = new AppError('engine', `The GPU is gone: ${message || 'the browser took it away'}.`)
      if (!closed) tell(gone)
    })
  })

  async function compile(code: string): Promise<GPUComputePipeline> {
    const module = device.createShaderModule({ code })
    return device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } })
  }

  return {
    device,
    lost,
    buffer(words, usage) {
      // A binding may not be empty.
      const buffer = device.createBuffer({ size: 4 * Math.max(words, 4), usage })
      buffers.add(buffer)
      return buffer
    },
    free(buffer) {
      buffer.destroy()
      buffers.delete(buffer)
    },
    held: () => buffers.size,
    bytes: () => [...buffers].reduce((sum, { size }) => sum + size, 0),
    pipeline(code) {
      const known = pipelines.get(code)
      if (known) return known
      const made = compile(code)
      pipelines.set(code, made)
      made.catch(() => pipelines.delete(code))
      return made
    },
    async guard(work) {
      if (gone) throw gone
      device.pushErrorScope('out-of-memory')
      device.pushErrorScope('validation')
      const result = (async () => work())()
      // The scopes close over what was issued before the first await: all else only waits.
      const scopes = Promise.all([device.popErrorScope(), device.popErrorScope()])
      const [outcome, errors] = await Promise.allSettled([result, scopes])
      if (gone) throw gone
      const refusal = errors.status === 'fulfilled' ? errors.value.find((error) => error !== null) : undefined
      if (refusal) throw new AppError('engine', `The GPU refused: ${refusal.message}`)
      if (outcome.status === 'fulfilled') return outcome.value
      if (outcome.reason instanceof AppError) throw outcome.reason
      throw new AppError('engine', `The GPU failed: ${messageOf(outcome.reason)}`, { cause: outcome.reason })
    },
    close() {
      closed = true
      for (const buffer of buffers) buffer.destroy()
      buffers.clear()
      device.destroy()
    },
  }
}

async function requestDevice(): Promise<GPUDevice> {
  // Node 20 has no `navigator`, nor do its types.
  const { navigator } = globalThis as { navigator?: { gpu?: GPU } }
  try {
    // A few small matrices are not worth waking a laptop's discrete GPU.
    const adapter = await navigator?.gpu?.requestAdapter({ powerPreference: 'low-power' })
    if (!adapter) throw new Error('there is no adapter')
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits
    return await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } })
  } catch (cause) {
    throw new AppError('engine', `No WebGPU here: ${messageOf(cause)}.`, { cause })
  }
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
