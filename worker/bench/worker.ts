/** The worker that measures in a browser, as the app's own code would run there. */
import plainWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'
import simdWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import { compileKernel, type Kernel } from '../../shared/engine/fused/kernel.ts'
import { builtTasks } from '../testing/built.ts'
import { connectTrainer } from '../trainer/port.ts'
import { benchEngine } from './engine.ts'
import type { Bench, Findings } from './measure.ts'
import { benchRank } from './rank.ts'
import { benchRound, type Spawn } from './round.ts'

const absolute = (url: string) => new URL(url, self.location.href).href
const wasmPaths = {
  'tfjs-backend-wasm.wasm': absolute(plainWasm),
  'tfjs-backend-wasm-simd.wasm': absolute(simdWasm),
  'tfjs-backend-wasm-threaded-simd.wasm': absolute(simdWasm), // threads are off: never fetched
}

/** As the device has it for ranking. */
let kernel: Kernel | undefined

const spawn: Spawn = (engine) => {
  const worker = new Worker(new URL('../trainer/index.ts', import.meta.url), {
    type: 'module',
    name: `engine=${engine}`,
  })
  return connectTrainer(
    worker,
    () => worker.terminate(),
    () => kernel,
  )
}

const benches: Record<string, (bench: Bench) => Promise<Findings>> = {
  engine: (bench) => benchEngine(bench, wasmPaths),
  round: (bench) => benchRound(bench, builtTasks, wasmPaths, spawn),
  rank: (bench) => benchRank(bench, builtTasks, wasmPaths, spawn),
}

self.addEventListener('message', async ({ data }: MessageEvent<{ name: string; quick: boolean }>) => {
  const progress: Bench['progress'] = (...progress) => self.postMessage({ progress })
  try {
    kernel = await compileKernel()
    self.postMessage({ findings: await benches[data.name]!({ quick: data.quick, progress }) })
  } catch (error) {
    self.postMessage({ failed: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) })
  }
})
