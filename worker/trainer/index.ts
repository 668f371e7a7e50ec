/** The trainer's worker in a browser: wiring only. Its name may force an engine: `engine=tfjs-webgpu`. */
import '../../shared/no-eval.ts'
import { chooseEngine } from '../../shared/engine/choose.ts'
import { engineIn } from '../options.ts'
import { createLoad } from './load.ts'
import { serveTrainer } from './port.ts'
import { scrub } from './scrub.ts'
import { tfjsWasm } from './tfjs-wasm.ts'
import { createTrainer } from './trainer.ts'

const { Blob, URL } = globalThis
const preferred = engineIn(self.name)

/** The port, for when the realm has none any more. */
const port = {
  postMessage: self.postMessage.bind(self),
  addEventListener: self.addEventListener.bind(self),
}

/** From here on the realm is a script's: it had its engine before. */
const load = createLoad((bytes) => {
  const address = URL.createObjectURL(new Blob([bytes], { type: 'text/javascript' }))
  scrub()
  return { address, forget: () => URL.revokeObjectURL(address) }
}, 1)

serveTrainer(
  port,
  createTrainer((wish) => chooseEngine({ preferred, wasmPaths: tfjsWasm, ...wish }), { load }),
)
