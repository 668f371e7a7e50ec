/**
 * tfjs's one global backend, made safe to share: every piece of work runs alone and on the backend it asked for.
 * The backends are imported only when chosen, so a page downloads just one.
 */
import * as tf from '@tensorflow/tfjs-core'
import { AppError } from '../../failure.ts'

export type BackendName = 'webgpu' | 'wasm' | 'cpu'

/**
 * Where the .wasm files lie: a folder's URL or path ending in “/”, or one URL for each file name. Without it tfjs looks
 * beside its own script, which is right in Node and wrong in any bundle.
 */
export type WasmPaths = string | Readonly<Record<string, string>>
/** The same, or what gives a file's bytes where nothing may be fetched. */
export type WasmSource = WasmPaths | ((file: WasmFile) => Promise<Uint8Array<ArrayBuffer>>)
export type WasmFile = 'tfjs-backend-wasm.wasm' | 'tfjs-backend-wasm-simd.wasm'

/** Makes the backend usable; throws `engine` if this place does not have it. */
export function startBackend(name: BackendName, wasmPaths?: WasmSource): Promise<void> {
  return inTurn(async () => {
    tf.enableProdMode()
    try {
      await importBackend(name, wasmPaths)
      if (!(await tf.setBackend(name))) throw new Error('tfjs could not initialise it')
    } catch (cause) {
      throw new AppError('engine', `No ${name} backend here: ${messageOf(cause)}.`, { cause })
    }
    if (name === 'webgpu') watchForLoss()
  })
}

async function importBackend(name: BackendName, wasmPaths: WasmSource | undefined): Promise<void> {
  switch (name) {
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu')
      return
    case 'wasm': {
      const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
      // Threads need cross-origin isolation, break in a minified build, and gain nothing on matrices this small.
      tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
      if (wasmPaths !== undefined && !wasmStarted)
        if (typeof wasmPaths === 'function') await bringWasm(setWasmPaths, wasmPaths)
        else setWasmPaths(wasmPaths)
      wasmStarted = true
      return
    }
    case 'webgpu':
      await import('@tensorflow/tfjs-backend-webgpu')
      // A few small matrices are not worth waking a laptop's discrete GPU.
      tf.env().set('WEBGPU_USE_LOW_POWER_GPU', true)
  }
}

/** tfjs asks its platform for what it has no file of; a file for which it asks by any name is the only one that there is. */
async function bringWasm(
  setWasmPaths: (paths: Record<string, string>, usePlatformFetch: boolean) => void,
  bytesOf: (file: WasmFile) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')
  const file: WasmFile = simd ? 'tfjs-backend-wasm-simd.wasm' : 'tfjs-backend-wasm.wasm'
  const bytes = await bytesOf(file)
  const names = ['', '-simd', '-threaded-simd'].map((kind) => `tfjs-backend-wasm${kind}.wasm`)
  setWasmPaths(Object.fromEntries(names.map((name) => [name, file])), true)
  tf.env().platform.fetch = async () => new Response(bytes)
}

let wasmStarted = false
let gone: AppError | undefined
let gpu: { readonly device: GPUDevice; readonly lost: Promise<AppError> } | undefined

/** tfjs never listens for a lost GPU: its reads would hang or answer zeros. */
function watchForLoss(): void {
  const { device } = tf.backend() as unknown as { device?: GPUDevice }
  if (!device || device === gpu?.device) return
  const lost = device.lost.then(({ message }) => {
    gone = new AppError('engine', `The GPU is gone: ${message || 'the browser took it away'}.`)
    return gone
  })
  gpu = { device, lost }
}

/** Settles once the backend's GPU was lost; undefined for a backend that cannot be. */
export const lossOf = (name: BackendName): Promise<AppError> | undefined =>
  name === 'webgpu' ? gpu?.lost : undefined

/**
 * Runs `work` after all work before it, with `name` as the backend until its promise settles. Anything it throws that
 * is not a failure of ours comes out as `engine`. Must not be nested.
 */
export function alone<T>(name: BackendName, work: () => Promise<T>): Promise<T> {
  return inTurn(async () => {
    if (name === 'webgpu' && gone) throw gone
    try {
      await tf.setBackend(name)
      return await work()
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      throw new AppError('engine', `The ${name} backend failed: ${messageOf(cause)}`, { cause })
    }
  })
}

let last: Promise<unknown> = Promise.resolve()

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work, work)
  last = result.catch(() => undefined)
  return result
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
