/** tfjs on the two backends that run without a browser. */
import { engineContract } from './contract.ts'
import { createTfjsEngine } from './tfjs/engine.ts'

engineContract('tfjs-cpu', () => createTfjsEngine({ backend: 'cpu' }))
engineContract('tfjs-wasm', () => createTfjsEngine({ backend: 'wasm' }))
