/** tfjs on the two backends that run without a browser. */
import * as tf from '@tensorflow/tfjs-core'
import { engineContract } from './contract.ts'
import { createTfjsEngine } from './tfjs/engine.ts'

/** The tensors of TensorFlow.js are counted one by one, so a leak shows soon. STEPS=2000 makes as many as elsewhere. */
const options = { bytes: () => tf.memory().numBytes, steps: Number(import.meta.env.STEPS ?? 200) }

engineContract('tfjs-cpu', () => createTfjsEngine({ backend: 'cpu' }), options)
engineContract('tfjs-wasm', () => createTfjsEngine({ backend: 'wasm' }), options)
