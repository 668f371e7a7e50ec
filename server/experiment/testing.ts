/** Where tests find MovieLens-1M, if it is there. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const FOLDER = fileURLToPath(new URL('../../../shared/data/ml-1m', import.meta.url))
export const there = existsSync(FOLDER)
