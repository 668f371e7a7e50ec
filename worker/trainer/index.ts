/** The trainer's worker in a browser: wiring only. Its name may force an engine: `engine=tfjs-webgpu`. */
import '../../shared/no-eval.ts'
import plainWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'
import simdWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import { chooseEngine } from '../../shared/engine/choose.ts'
import { engineIn } from '../options.ts'
import { serveTrainer } from './port.ts'
import { createTrainer } from './trainer.ts'

const absolute = (url: string) => new URL(url, self.location.href).href

const wasmPaths = {
  'tfjs-backend-wasm.wasm': absolute(plainWasm),
  'tfjs-backend-wasm-simd.wasm': absolute(simdWasm),
  // Threads are off, so this one is never fetched; tfjs wants an entry for each of its files all the same.
  'tfjs-backend-wasm-threaded-simd.wasm': absolute(simdWasm),
}

serveTrainer(
  self,
  createTrainer((wish) => chooseEngine({ preferred: engineIn(self.name), wasmPaths, ...wish })),
)
