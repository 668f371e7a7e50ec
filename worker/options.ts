/** What a page may tell its workers by their name, written as a query string: `engine=tfjs-webgpu`. */
import { ENGINE_NAMES, type EngineName } from '../shared/engine/engine.ts'

/** The engine that is forced, or undefined: a name that means nothing to us is only a name. */
export function engineIn(name: string): EngineName | undefined {
  const asked = new URLSearchParams(name).get('engine')
  return ENGINE_NAMES.find((engine) => engine === asked)
}
