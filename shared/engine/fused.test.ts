/** The fused kernel. */
import { engineContract } from './contract.ts'
import { createFusedEngine } from './fused/engine.ts'

engineContract('fused-wasm', () => createFusedEngine(), { examples: 60 })
