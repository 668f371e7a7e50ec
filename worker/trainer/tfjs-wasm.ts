/** TensorFlow.js's WebAssembly inside a script of ours, because the trainer may fetch nothing; loaded when it is chosen. */
import type { WasmFile } from '../../shared/engine/tfjs/backend.ts'

const files = {
  'tfjs-backend-wasm.wasm': () =>
    import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url&inline'),
  'tfjs-backend-wasm-simd.wasm': () =>
    import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url&inline'),
}

export async function tfjsWasm(file: WasmFile): Promise<Uint8Array<ArrayBuffer>> {
  const { default: address } = await files[file]()
  const base64 = address.slice(address.indexOf(',') + 1)
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
}
